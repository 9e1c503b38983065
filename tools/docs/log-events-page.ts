import { basename } from 'node:path'
import type { SourceFile } from '@nightshift/structure/source-tree'

/** The events of one owner, each with the sentence that explains it. */
export type LogVocabulary = Readonly<{ owner: string; events: Readonly<Record<string, string>> }>

const introduction = `# Log events

Every line of a log is one JSON object with \`time\`, \`level\`, \`service\`, \`pid\` and \`event\`. Inside a request or an event it has \`traceId\` and \`spanId\`, too: \`npm run trace -- <traceId>\` shows the whole of it. No secret and no address of a person is in a line ([S12](../promises.md#s12)).

The words of \`event\` are closed lists beside the code. A word that is in no list does not compile, and a word that is logged nowhere fails a test. So a search for one finds every line of its kind. \`info\` is what happens all the time, \`warn\` is what the system copes with by itself, and \`error\` is for a person.

\`npm run docs\` writes this page from the lists.`

/** The page of the reference. Links lead from docs/reference to the code that logs. */
export function logEventsPage(
  vocabularies: readonly LogVocabulary[],
  program: readonly SourceFile[],
): string {
  const sections = vocabularies.map(({ owner, events }) => {
    const rows = Object.entries(events).map(([event, sentence]) => {
      const files = program.filter(({ code }) => code.strings.some(({ text }) => text === event))
      const links = files.map(({ path }) => `[${basename(path)}](../../${path})`).join('<br>')
      return `| \`${event}\` | ${sentence} | ${links} |`
    })
    return [`## ${owner}`, '', '| event | says | logged in |', '|---|---|---|', ...rows].join('\n')
  })
  return `${[introduction, ...sections].join('\n\n')}\n`
}
