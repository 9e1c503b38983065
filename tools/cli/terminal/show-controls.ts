/**
 * Characters that a terminal obeys instead of showing them: the C0 and C1 controls but for tab and
 * newline, and those that turn the direction of text around (Unicode TR 36, section 2.5).
 */
const controls =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g

/**
 * What our own output contains: the colours that we use, and the line of progress, which is drawn again at
 * the begin of a write. Other codes of a stranger could hide what follows, or write over what was there.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const ours = /(\u001b\[(?:0|1|2|22|31|32|33|36|39)m|^\r?\u001b\[2K)/

/** The text with its control characters as escapes, such as `\u001b`. Colours stay. */
export function showControls(text: string): string {
  const parts = text.split(ours)
  // Every second part is what the pattern has found.
  return parts.map((part, at) => (at % 2 === 1 ? part : part.replace(controls, escapeOf))).join('')
}

function escapeOf(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/**
 * Shows control characters in all that a command prints itself. Commands print what others wrote, such as the
 * name of a span, a line of a log or the subject of a mail. It is done where the text leaves the
 * process, so that no command can forget it.
 */
export function guardOutput(stream: NodeJS.WriteStream): void {
  const write = stream.write.bind(stream) as (chunk: unknown, ...rest: unknown[]) => boolean
  stream.write = (chunk: unknown, ...rest: unknown[]) =>
    write(typeof chunk === 'string' ? showControls(chunk) : chunk, ...rest)
}
