import { nearestNames } from '@nightshift/local/nearest-names'
import { expect, test } from 'vitest'
import { type Breakable, type Flags, parseBreak } from './parse-fault.ts'

const system: Breakable = {
  processes: ['postgres', 'redis', 'kafka', 'faults', 'card-provider', 'mailbox', 'payments'],
  links: ['client-payments', 'payments-postgres', 'payments-kafka'],
  settings: {
    'card-provider': { silence: 'none', silenceRate: 1, webhookEarly: false },
    mailbox: { refuseRate: 0 },
  },
}
const parse = (line: string, flags: Flags = {}) => parseBreak(line.split(' '), flags, system)
const latency = { type: 'latency', name: 'latency_downstream', stream: 'downstream', toxicity: 1 }

test.each<[string, Flags, object]>([
  ['payments kill', {}, { verb: 'kill', process: 'payments' }],
  ['kafka freeze', {}, { verb: 'freeze', process: 'kafka' }],
  ['card-provider stop', {}, { verb: 'stop', process: 'card-provider' }],
  ['redis flush', {}, { verb: 'flush' }],
  ['postgres kill-backend', { of: 'payments' }, { verb: 'kill-backend', of: 'payments' }],
  ['payments-kafka down', {}, { verb: 'down', link: 'payments-kafka' }],
  [
    'payments-kafka latency',
    { latency: '2000', jitter: '500' },
    {
      verb: 'toxic',
      link: 'payments-kafka',
      toxic: { ...latency, attributes: { latency: 2000, jitter: 500 } },
    },
  ],
  [
    'client-payments timeout',
    { stream: 'upstream', toxicity: '0.3' },
    {
      verb: 'toxic',
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
    { verb: 'toxic', toxic: { attributes: { average_size: 10, delay: 1000 } } },
  ],
  [
    'card-provider silence=after silenceRate=0.5 webhookEarly=true',
    {},
    {
      verb: 'setting',
      board: 'card-provider',
      change: { silence: 'after', silenceRate: 0.5, webhookEarly: true },
    },
  ],
])('%s %j is understood', (line, flags, wanted) => {
  expect(parse(line, flags)).toMatchObject(wanted)
})

test.each<[string, Flags, string]>([
  ['payment kill', {}, 'Nothing here is called payment. Did you mean payments'],
  ['payments-kafak down', {}, 'Did you mean payments-kafka'],
  ['xyzzy kill', {}, 'There is postgres, redis, kafka'],
  ['payments', {}, 'What is to happen to payments? There is kill, restart, freeze, stop.'],
  ['payments kil', {}, 'Did you mean kill?'],
  ['payments flush', {}, 'flush is nothing that can happen to payments'],
  ['payments kill now', {}, 'kill now is nothing that can happen'],
  ['payments silence=after', {}, 'is nothing that can happen to payments'],
  ['payments-kafka slow-close', { delay: '1' }, 'Did you mean slow_close?'],
  ['payments-kafka latency', {}, 'latency does nothing without --latency.'],
  ['payments-kafka latency', { latency: '2s' }, '--latency is a whole number.'],
  ['payments-kafka latency', { latency: '1', rate: '3' }, '--rate says nothing to latency.'],
  ['payments-kafka latency', { latency: '0x10' }, '--latency is a whole number.'],
  ['payments-kafka latency', { latency: '007' }, '--latency is a whole number.'],
  ['payments-kafka timeout', { toxicity: '2' }, '--toxicity is the share'],
  ['payments-kafka timeout', { toxicity: '1e-1' }, '--toxicity is the share'],
  ['payments-kafka timeout', { toxicity: '0x1' }, '--toxicity is the share'],
  ['card-provider silenceRate=0x1', {}, 'silenceRate=0x1 does not fit.'],
  ['card-provider silenceRate=1e0', {}, 'silenceRate=1e0 does not fit.'],
  ['payments-kafka timeout', { stream: 'up' }, '--stream is upstream or downstream.'],
  ['payments kill', { of: 'payments' }, '--of says nothing to kill.'],
  ['postgres kill-backend', {}, 'Whose session? --of payments'],
  ['card-provider silense=after', {}, 'card-provider has no setting silense. Did you mean silence'],
  ['card-provider silenceRate=high', {}, 'silenceRate is 1 now; silenceRate=high does not fit.'],
  ['card-provider silenceRate=0x1', {}, 'silenceRate is 1 now; silenceRate=0x1 does not fit.'],
  ['card-provider silenceRate=1e0', {}, 'silenceRate is 1 now; silenceRate=1e0 does not fit.'],
  ['card-provider silence=after silenceRate', {}, 'silenceRate is 1 now'],
  ['mailbox refuse', {}, 'Did you mean refuseRate=?'],
])('%s %j is a mistake, and what is meant is named', (line, flags, mistake) => {
  expect(parse(line, flags)).toEqual({ mistake: expect.stringContaining(mistake) })
})

test('the nearest names are few, and the nearest comes first', () => {
  const names = ['payments', 'payments-kafka', 'payments-postgres', 'payments-provider', 'kafka']
  expect(nearestNames('payments-kafk', names)).toEqual(['payments-kafka', 'payments'])
  expect(nearestNames('q', names)).toEqual([])
})
