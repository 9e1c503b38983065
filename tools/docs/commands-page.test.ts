import { expect, test } from 'vitest'
import { commandsPage, type DocumentedCommand } from './commands-page.ts'

/** A command that prints its help as commander does. */
function fakeCommand(name: string, help: string, commands: DocumentedCommand[] = []) {
  let write = (_text: string) => {}
  return {
    name: () => name,
    description: () => 'Breaks one thing. It stays broken.',
    commands,
    configureOutput: ({ writeOut }: { writeOut: (text: string) => void }) => {
      write = writeOut
    },
    outputHelp: () => write(`${help}\n`),
  }
}

test('a command has a row with its first sentence, and a section with its help', () => {
  const command = fakeCommand('npm run break --', 'Usage: npm run break')
  const page = commandsPage([{ title: 'Faults', commands: [command] }])
  expect(page).toContain('**Faults**')
  expect(page).toContain('| [`npm run break`](#npm-run-break) | Breaks one thing. |')
  expect(page).toContain('## npm run break\n\n```text\nUsage: npm run break\n```\n')
})

test('the help of a command is followed by the help of its subcommands', () => {
  const command = fakeCommand('npm run keys --', 'Keys', [fakeCommand('list', 'Lists')])
  expect(commandsPage([{ title: 'Keys', commands: [command] }])).toContain('Keys\n\nLists\n```')
})
