/** A band of time with a name. Milliseconds from the first arrival. */
export type Band = Readonly<{ title: string; fromMs: number; untilMs: number }>

/** A tenth of a pixel is as exact as a picture needs to be. */
export function tenth(px: number): number {
  return Math.round(px * 10) / 10
}

/** Text for HTML or SVG, also inside of an attribute. */
export function escapeMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}

/** Maps a number from 0 to `most` to pixels, from `fromPx` to `untilPx`. */
export function scale(most: number, fromPx: number, untilPx: number): (value: number) => number {
  return value => tenth(fromPx + (value / most) * (untilPx - fromPx))
}
