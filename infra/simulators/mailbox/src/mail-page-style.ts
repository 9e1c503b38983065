/** The page's looks, light or dark as the reader's system asks. No fonts or images to load. */
export const mailPageStyle = `
:root {
  --ground: #f6f5f1; --sheet: #fff; --ink: #1d2230; --quiet: #565d6e; --line: #d9d7cf;
  --mark: #8a4b00; --link: #1f4fa3;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171f; --sheet: #1d212c; --ink: #e8eaf0; --quiet: #a3abbd; --line: #343a49;
    --mark: #f0b45c; --link: #9cc0ff;
  }
}
* { box-sizing: border-box }
body {
  margin: 0 auto; padding: 2rem 1rem 4rem; max-width: 46rem;
  font: 1rem/1.55 system-ui, sans-serif; color: var(--ink); background: var(--ground);
}
h1 { margin: 0; font-size: 1.6rem }
header p { margin: .4rem 0; color: var(--quiet) }
a { color: var(--link) }
article {
  margin-top: 1.25rem; padding: 1.1rem 1.25rem;
  background: var(--sheet); border: 1px solid var(--line); border-radius: .6rem;
}
h2 { margin: 0 0 .5rem; font-size: 1.1rem; overflow-wrap: anywhere }
dl {
  display: grid; grid-template-columns: max-content 1fr; gap: .1rem .9rem;
  margin: 0; font-size: .9rem;
}
dt { color: var(--quiet) }
dd { margin: 0; overflow-wrap: anywhere }
.repeated { margin: .5rem 0 0; font-size: .9rem; font-weight: 600; color: var(--mark) }
.repeated:empty { display: none }
pre {
  margin: .9rem 0 0; padding-top: .9rem; border-top: 1px solid var(--line);
  font: .92rem/1.5 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere;
}
:focus-visible { outline: 2px solid var(--link); outline-offset: 3px }
`
