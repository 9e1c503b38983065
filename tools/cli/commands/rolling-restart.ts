/** Restarts every instance of every service in turn, while the others serve. */
import { findSupervisor } from '@nightshift/local/supervisor/control-client'
import { rollingRestart } from '@nightshift/local/system/rolling-restart'
import { statePaths } from '@nightshift/local/system/state'
import { exitWith, npmCommand, runCommand } from '../terminal/run-command.ts'

const description = `Restarts every instance of every service in turn, as a deployment does. Each one is stopped only
while HAProxy sends requests to the other one, and the next one waits until it serves again. Needs
a system with two instances: \`npm start -- --replicas 2\`.`

export const command = npmCommand('rolling-restart', description).action(exitWith(run))

if (import.meta.main) await runCommand(command)

async function run(): Promise<number> {
  const client = await findSupervisor(statePaths())
  if (!client) throw new Error('Nothing is running. Start it with `npm start -- --replicas 2`.')
  const proxy = (await client.states()).find(({ name }) => name === 'haproxy')
  if (proxy?.url === undefined) {
    throw new Error(
      'There is one instance of each service: to restart it is an outage, and nothing was restarted.\n' +
        'Start two of each: `npm stop`, and then `npm start -- --replicas 2`.',
    )
  }
  const startedMs = performance.now()
  await rollingRestart({
    client,
    nameOf: name => name,
    statsUrl: proxy.url,
    restarted: (instance, tookMs) => console.log(`${instance.padEnd(15)} ${secondsOf(tookMs)}`),
  })
  console.log(`All instances were restarted in ${secondsOf(performance.now() - startedMs)}.`)
  return 0
}

function secondsOf(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
