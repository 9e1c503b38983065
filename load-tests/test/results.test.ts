import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { describe, expect, test } from 'vitest'
import { proofs } from '../experiments/all.ts'

const directory = join(import.meta.dirname, '../results')
const read = (file: string) => JSON.parse(readFileSync(join(directory, file), 'utf8'))
const files = readdirSync(directory).filter(file => /(?<!\.schema)\.json$/.test(file))
const ajv = new Ajv2020({ allErrors: true, strict: false })
addFormats.default(ajv)
const validate = ajv.compile(read('result.schema.json'))

describe.each(files)('%s', file => {
  const result = read(file)

  test('has the format of a result', () => {
    validate(result)
    expect(validate.errors ?? []).toEqual([])
    expect(`${result.name}.json`).toBe(file)
  })

  test('was proved or measured, from a clean commit', () => {
    expect(['proved', 'measured']).toContain(result.outcome)
    expect(result.dirty).toBe(false)
  })

  test('a matrix has one case for each row and column, and no other', () => {
    if (result.grid === undefined) return
    const { rows, columns, cells } = result.grid as MatrixResult
    const names = rows.flatMap(({ name }) => columns.map(column => `${name} / ${column}`))
    expect(cells.map(({ row, column }) => `${row} / ${column}`)).toEqual(names)
  })

  test('has the medians and ranges of its rounds', () => {
    for (const arm of Object.values<Arm>(result.arms)) {
      for (const [figure, median] of Object.entries(arm.median)) {
        const values = arm.rounds.map(round => round[figure] ?? Number.NaN).sort((a, b) => a - b)
        expect(arm.range[figure]).toEqual([values.at(0), values.at(-1)])
        if (values.length % 2 === 1) expect(median).toBe(values[(values.length - 1) / 2])
      }
    }
  })
})

type MatrixResult = {
  rows: { name: string }[]
  columns: string[]
  cells: { row: string; column: string }[]
}

type Arm = {
  rounds: Record<string, number>[]
  median: Record<string, number>
  range: Record<string, number[]>
}

test('every proof has a result', () => {
  const names = proofs.map(({ name }) => `${name}.json`)
  expect(names.filter(name => !files.includes(name))).toEqual([])
})
