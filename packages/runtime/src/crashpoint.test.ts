import { expect, test } from 'vitest'
import { armCrashpoint, crashpoint } from './crashpoint.ts'

test.each(['', 'label', 'label:', ':1', 'label:0', 'label:-1', 'label:x', 'label:1.5', 'a:1:2'])(
  '%j arms nothing: it is refused',
  async setting => {
    expect(() => armCrashpoint(setting)).toThrow('CRASH_AT')
    await crashpoint(setting.split(':')[0] ?? '')
  },
)

test('a label that is not armed is passed', async () => {
  await crashpoint('settle.begin')
  armCrashpoint('outbox.committed:1')
  await crashpoint('settle.begin')
})
