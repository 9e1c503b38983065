import { nearestNames } from '@nightshift/local/nearest-names'
import { expect, test } from 'vitest'
import { type FaultTargets, type Flags, parseFault, readDuration } from './parse-fault.ts'

const system: FaultTargets = {
  processes: ['postgres', 'redis', 'kafka', 'faults', 'card-provider', 'mailbox', 'payments'],
  links: ['client-payments', 'payments-postgres', 'payments-kafka'],
  settings: {
    'card-provider': { silence: 'none', silenceRate: 1, webhookEarly: false },
    mailbox: { refuseRate: 0 },
  },
}
const parse = (line: string, flags: Flags = {}) => parseFault(line.split(' '), flags, system)
const latency = { type: 'latency', name: 'latency_downstream', stream: 'downstream', toxicity: 1 }

test.each<[string, Flags, object]>([
  ['payments kill', {}, { kind: 'kill', process: 'payments' }],
  ['kafka freeze', {}, { kind: 'freeze', process: 'kafka' }],
  ['card-provider stop', {}, { kind: 'stop', process: 'card-provider' }],
  ['redis flush', {}, { kind: 'flush' }],
  ['postgres kill-backend', { of: 'payments' }, { kind: 'kill-backend', of: 'payments' }],
  ['payments-kafka down', {}, { kind: 'down', link: 'payments-kafka' }],
  [
    'payments-kafka latency',
    { latency: '2000', jitter: '500' },
    {
      kind: 'toxic',
      link: 'payments-kafka',
      toxic: { ...latency, attributes: { latency: 2000, jitter: 500 } },
    },
  ],
  [
    'client-payments timeout',
    { stream: 'upstream', toxicity: '0.3' },
    {
      kind: 'toxic',
      link: 'client-payments',
      toxic: {
        type: 'timeout',
        name: 'timeout_upstream',
        stream: 'upstream',
        toxicity: 0.3,
        attributes: {},
      },
    },
  ],
  [
    'client-payments slicer',
    { 'average-size': '10', delay: '1000' },
    { kind: 'toxic', toxic: { attributes: { average_size: 10, delay: 1000 } } },
  ],
  [
    'card-provider silence=after silenceRate=0.5 webhookEarly=true',
    {},
    {
      kind: 'setting',
      simulator: 'card-provider',
      change: { silence: 'after', silenceRate: 0.5, webhookEarly: true },
    },
  ],
])('the words %s with %j name a fault', (line, flags, fault) => {
  expect(parse(line, flags)).toMatchObject(fault)
})

test.each<[string, Flags, string]>([
  ['payment kill', {}, 'Nothing here is called payment. Did you mean payments'],
  ['payments-kafak down', {}, 'Did you mean payments-kafka'],
  ['xyzzy kill', {}, 'There is postgres, redis, kafka'],
  ['payments', {}, 'Which fault should payments have? There is kill, restart, freeze, stop.'],
  ['payments kil', {}, 'Did you mean kill?'],
  ['payments flush', {}, 'flush is no fault that payments can have'],
  ['payments kill now', {}, 'kill now is no fault that payments can have'],
  ['payments silence=after', {}, 'is no fault that payments can have'],
  ['payments-kafka slow-close', { delay: '1' }, 'Did you mean slow_close?'],
  ['payments-kafka latency', {}, 'latency does nothing without --latency.'],
  ['payments-kafka latency', { latency: '2s' }, '--latency is a whole number.'],
  ['payments-kafka latency', { latency: '1', rate: '3' }, '--rate means nothing to latency.'],
  ['payments-kafka latency', { latency: '0x10' }, '--latency is a whole number.'],
  ['payments-kafka latency', { latency: '007' }, '--latency is a whole number.'],
  ['payments-kafka timeout', { toxicity: '2' }, '--toxicity is the share'],
  ['payments-kafka timeout', { toxicity: '1e-1' }, '--toxicity is the share'],
  ['payments-kafka timeout', { toxicity: '0x1' }, '--toxicity is the share'],
  ['card-provider silenceRate=0x1', {}, 'silenceRate=0x1 does not fit.'],
  ['card-provider silenceRate=1e0', {}, 'silenceRate=1e0 does not fit.'],
  ['payments-kafka timeout', { stream: 'up' }, '--stream is upstream or downstream.'],
  ['payments kill', { of: 'payments' }, '--of means nothing to kill.'],
  ['postgres kill-backend', {}, 'Whose session? --of payments'],
  ['card-provider silense=after', {}, 'card-provider has no setting silense. Did you mean silence'],
  ['card-provider silenceRate=high', {}, 'silenceRate is 1 now; silenceRate=high does not fit.'],
  ['card-provider silenceRate=0x1', {}, 'silenceRate is 1 now; silenceRate=0x1 does not fit.'],
  ['card-provider silenceRate=1e0', {}, 'silenceRate is 1 now; silenceRate=1e0 does not fit.'],
  ['card-provider silence=after silenceRate', {}, 'silenceRate is 1 now'],
  ['mailbox refuse', {}, 'Did you mean refuseRate=?'],
])('the words %s with %j are a mistake, and the likely names are shown', (line, flags, mistake) => {
  expect(parse(line, flags)).toEqual({ mistake: expect.stringContaining(mistake) })
})

test('only a few near names are shown, the nearest first', () => {
  const names = ['payments', 'payments-kafka', 'payments-postgres', 'payments-provider', 'kafka']
  expect(nearestNames('payments-kafk', names)).toEqual(['payments-kafka', 'payments'])
  expect(nearestNames('q', names)).toEqual([])
})

const maxMs = 3_600_000

test.each([
  ['500ms', 500],
  ['10s', 10_000],
  ['1.5m', 90_000],
  ['1h', maxMs],
])('the duration %s is %i ms', (text, ms) => {
  expect(readDuration('--for', text, maxMs)).toBe(ms)
})

test.each(['', '10', '0s', '-1s', '2x', '61m', '1e9s', '10 s'])(
  'the duration %j is refused',
  text => {
    expect(() => readDuration('--for', text, maxMs)).toThrow('--for must be like 500ms, 10s or 2m')
  },
)
