import { openLog } from '@nightshift/runtime/telemetry/logger'
import { beforeEach, describe, expect, test } from 'vitest'
import { drainFirst } from './graceful-shutdown.ts'
import { endAtOnce } from './naive.ts'

let happened: string[]

beforeEach(() => {
  happened = []
})

function leaving(drainMs: number) {
  return {
    becomeUnready: () => void happened.push('not ready'),
    drainMs,
    log: openLog('leaving', {
      write: line => void happened.push(String(JSON.parse(line).event)),
    }),
  }
}

describe('a service that is told to stop', () => {
  test('says at once that it is not ready, and serves until a proxy has noticed', async () => {
    const noticed = Promise.withResolvers<void>()
    const wait = (ms: number) => {
      happened.push(`serves for ${ms} ms`)
      return noticed.promise
    }
    const left = drainFirst(wait)(leaving(1_000)).then(() => happened.push('closes'))
    expect(happened).toEqual(['not ready', 'service.draining', 'serves for 1000 ms'])
    noticed.resolve()
    await left
    expect(happened.at(-1)).toBe('closes')
  })

  test('does not wait when there is no proxy', async () => {
    await drainFirst()(leaving(0))
    expect(happened).toEqual(['not ready'])
  })
})

test('the naive version ends with everything that is in it, and says nothing before', async () => {
  await endAtOnce(() => void happened.push('ended'))(leaving(1_000))
  expect(happened).toEqual(['ended'])
})
