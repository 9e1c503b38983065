/** What the page needs of a command of commander. */
export type DocumentedCommand = Readonly<{
  name: () => string
  description: () => string
  commands: readonly DocumentedCommand[]
  configureOutput: (output: {
    writeOut: (text: string) => void
    getOutHelpWidth: () => number
    getOutHasColors: () => boolean
  }) => unknown
  outputHelp: () => void
}>

/** Commands that belong together, in the order in which a newcomer meets them. */
export type CommandGroup = Readonly<{ title: string; commands: readonly DocumentedCommand[] }>

const introduction = `# Commands

Every command is an npm script, works with any Node from 18 on, and knows \`--help\`. Commands that print facts know \`--json\`. Options come after \`--\`, as in \`npm run break -- kafka freeze --for 10s\`.

\`npm run docs\` writes this page from the definitions in [tools/cli/commands](../tools/cli/commands).`

const helpWidth = 96

/** The page of commands: a table of all, and then what \`--help\` prints for each. */
export function commandsPage(groups: readonly CommandGroup[]): string {
  const commands = groups.flatMap(group => group.commands)
  return `${[introduction, ...groups.map(describeGroup), ...commands.map(section)].join('\n\n')}\n`
}

function describeGroup({ title, commands }: CommandGroup): string {
  const rows = commands.map(command => {
    const script = scriptOf(command)
    return `| [\`${script}\`](#${script.replaceAll(' ', '-')}) | ${firstSentence(command)} |`
  })
  return [`**${title}**`, '', '| command | does |', '|---|---|', ...rows].join('\n')
}

function section(command: DocumentedCommand): string {
  const help = [command, ...command.commands].map(helpOf).join('\n\n')
  return `## ${scriptOf(command)}\n\n\`\`\`text\n${help}\n\`\`\``
}

/** The name of a command ends with `--`, because its options come after that. */
function scriptOf(command: DocumentedCommand): string {
  return command.name().replace(/ --$/, '')
}

function firstSentence(command: DocumentedCommand): string {
  const [sentence = ''] = /^.*?[.](?= |$)/s.exec(command.description()) ?? []
  return sentence.replaceAll('\n', ' ')
}

/** What `--help` prints on a terminal of a fixed width. */
function helpOf(command: DocumentedCommand): string {
  let help = ''
  command.configureOutput({
    writeOut: text => {
      help += text
    },
    getOutHelpWidth: () => helpWidth,
    getOutHasColors: () => false,
  })
  command.outputHelp()
  return help.trimEnd()
}
