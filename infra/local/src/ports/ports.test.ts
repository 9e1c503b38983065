import { expect, test } from 'vitest'
import { defaultPortBase, portPlan, readPortBase, replicaPorts } from './ports.ts'

test('two systems whose bases are 1000 apart share no port', () => {
  const portsFrom = (base: number) => [portPlan(base), replicaPorts(base)].flatMap(Object.values)
  const first = portsFrom(4000)
  const second = portsFrom(5000)
  expect(new Set([...first, ...second]).size).toBe(first.length + second.length)
})

test('the default ports are the documented ones', () => {
  const plan = portPlan(readPortBase(undefined))
  expect(plan).toMatchObject({ payments: 4001, traceSink: 4318, postgres: 4432, redis: 4379 })
  expect(plan).toMatchObject({ listings: 4002, notifications: 4003, kafka: 4092, faults: 4474 })
  expect(readPortBase('')).toBe(defaultPortBase)
})

test('even with the highest base, all ports stay below those that the system hands out', () => {
  const highest = Math.max(...Object.values(portPlan(readPortBase('32000'))))
  expect(highest).toBeLessThan(32_768)
})

test.each(['80', '32001', '4000.5', '-4000', '4e3', 'four', '0x1000', ' 4000'])(
  'the base %j is refused by name',
  text => {
    expect(() => readPortBase(text)).toThrow('NIGHTSHIFT_PORT_BASE')
  },
)
