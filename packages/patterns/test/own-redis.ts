import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { type TestParts, testControl } from '@nightshift/load-tests/harness/test-parts'
import { redis as redisPart } from '@nightshift/local/parts/redis'
import { findFreePorts } from '@nightshift/local/ports/free-ports'
import { awaitReady } from '@nightshift/local/supervisor/await-ready'
import { statePaths } from '@nightshift/local/system/state'

const readyMs = 15_000

/** A Redis that a test may kill or freeze: all other tests share one. The supervisor restarts it. */
export type OwnRedis = AsyncDisposable &
  Readonly<{ url: string; signal: (signal: NodeJS.Signals) => Promise<void> }>

export async function openOwnRedis(parts: TestParts): Promise<OwnRedis> {
  const name = `redis_${randomBytes(4).toString('hex')}`
  const control = testControl(parts)
  const [port = 0] = await findFreePorts(1)
  const context = {
    toolsDir: statePaths().tools,
    dataDir: join(parts.stateDir, 'data', name),
    port,
    password: parts.secrets.redis,
    report: () => {},
  }
  const found = await redisPart.find(context)
  if (found.how === 'missing') throw new Error(`${found.needed}: ${found.fix}`)
  const spec = await redisPart.start(context, found)
  await control.add({ ...spec, name })
  await awaitReady(control, [name], readyMs)
  return {
    url: `redis://:${parts.secrets.redis}@127.0.0.1:${port}`,
    signal: async signal => {
      await control.signal(name, signal)
    },
    [Symbol.asyncDispose]: async () => {
      // A frozen process would not end by itself.
      await control.signal(name, 'SIGCONT')
      await control.remove(name)
    },
  }
}
