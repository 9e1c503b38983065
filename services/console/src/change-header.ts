/** A page of another origin cannot send this header without asking, and is then refused. */
export const changeHeader = 'x-nightshift-console'
