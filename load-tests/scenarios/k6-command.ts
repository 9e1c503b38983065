import { dirname } from 'node:path'
import { environmentOf } from '@nightshift/local/machine'
import type { Found } from '@nightshift/local/parts/part'

export type K6Files = Readonly<{
  script: string
  historyFile: string
  summaryFile: string
  htmlFile: string | undefined
  env: Readonly<Record<string, string>>
}>

export type K6Command = Readonly<{
  command: string
  args: readonly string[]
  env: Readonly<Record<string, string | undefined>>
}>

/** k6 sends no usage report, and loads no extensions from a registry. */
const offline = { K6_NO_USAGE_REPORT: 'true', K6_AUTO_EXTENSION_RESOLUTION: 'false' }

/**
 * Go collects garbage when its heap has grown by so many percent. With the usual 100, a fifth of k6's
 * processor time went there, on the cores of the services that it measures.
 */
const heapGrowth = { GOGC: '400' }

/**
 * The command line of a run, native or in a container. The settings go into the environment, because
 * they contain API keys, and any user can read a command line.
 *
 * The history is the console output of k6. The log of k6 is another stream, so that no warning can end
 * up between two lines of a history.
 */
export function k6Command(k6: Found, files: K6Files): K6Command {
  const { script, historyFile, summaryFile, htmlFile } = files
  const settings = {
    ...offline,
    ...heapGrowth,
    ...files.env,
    SUMMARY_FILE: summaryFile,
    ...(htmlFile === undefined ? {} : dashboardInto(htmlFile)),
  }
  const run = [
    'run',
    '--quiet',
    '--no-color',
    '--log-format=raw',
    `--console-output=${historyFile}`,
    script,
  ]
  if (k6.how === 'native') {
    // An empty configuration directory: the user's own k6 settings must not change what is measured.
    const env = { ...settings, XDG_CONFIG_HOME: dirname(summaryFile) }
    return { command: k6.run['program'] ?? '', args: run, env }
  }
  const outputs = [historyFile, summaryFile, ...(htmlFile === undefined ? [] : [htmlFile])]
  const volumes = [...new Set(outputs.map(file => dirname(file)))].map(dir => `${dir}:${dir}`)
  const args = [
    'run',
    '--rm',
    '--network=host',
    `--user=${process.getuid?.()}:${process.getgid?.()}`,
    '-v',
    `${dirname(script)}:${dirname(script)}:ro`,
    ...volumes.flatMap(volume => ['-v', volume]),
    ...Object.keys(settings).flatMap(name => ['-e', name]),
    k6.image,
    ...run,
  ]
  // Docker's client needs the environment of this process to find its engine.
  return { command: 'docker', args, env: { ...environmentOf({}), ...settings } }
}

/** Only the report file is needed, so the web server is off. */
function dashboardInto(htmlFile: string): Record<string, string> {
  return {
    K6_WEB_DASHBOARD: 'true',
    K6_WEB_DASHBOARD_PORT: '-1',
    K6_WEB_DASHBOARD_EXPORT: htmlFile,
  }
}
