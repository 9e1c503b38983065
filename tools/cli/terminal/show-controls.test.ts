import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify, styleText } from 'node:util'

import { expect, test } from 'vitest'
import { showControls } from './show-controls.ts'

const commandDeadlineMs = 20_000

test.each([
  ['clears the screen', '\u001b[2J\u001b[H', '\\u001b[2J\\u001b[H'],
  ['sets the title of the window', '\u001b]0;mine\u0007', '\\u001b]0;mine\\u0007'],
  [
    'makes a link',
    '\u001b]8;;http://evil.example\u001b\\',
    '\\u001b]8;;http://evil.example\\u001b\\',
  ],
  ['goes up a line and writes over it', 'a\u001b[1A\rb', 'a\\u001b[1A\\u000db'],
  ['clears a line that was there', 'a\r\u001b[2Kb', 'a\\u000d\\u001b[2Kb'],
  ['hides what follows', '\u001b[8m', '\\u001b[8m'],
  ['is one character of C1', '\u009b31m', '\\u009b31m'],
  ['turns the direction around', 'user\u202egnp.exe', 'user\\u202egnp.exe'],
  ['deletes', 'a\u0008\u007f', 'a\\u0008\\u007f'],
])('text that %s is shown', (_what, text, shown) => {
  expect(showControls(text)).toBe(shown)
})

test('our own colours, lines and progress stay as they are', () => {
  const text = `\r\u001b[2K${styleText('red', 'broken', { validateStream: false })}\n\tnext`
  expect(showControls(text)).toBe(text)
})

test('text in any script stays as it is', () => {
  const text = 'Ärztin in Köln · 東京 · مهندس · 👩‍💻'
  expect(showControls(text)).toBe(text)
})

test('a command that names what it was given does not hand it to the terminal', async () => {
  const command = join(import.meta.dirname, '../commands/trace.ts')
  const { stderr } = await promisify(execFile)(process.execPath, [command, '\u001b[2J'], {
    timeout: commandDeadlineMs,
  }).catch((error: { stderr: string }) => error)
  expect(stderr).toContain("'\\u001b[2J'")
  expect(stderr).not.toContain('\u001b[2J')
})
