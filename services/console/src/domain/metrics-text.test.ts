import { expect, test } from 'vitest'
import { perSecond } from './figures.ts'
import { mergeScrapes, parseMetrics } from './metrics-text.ts'

const text = `# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3
no_labels 12.5
latency_bucket{le="+Inf"} 7
escaped{path="C:\\\\DIR\\\\",error="say \\"hi\\"\\nagain",list="a,b={c}"} 1.458255915e9

not a metric at all
`

test('reads names, labels and values, and leaves out what is no sample', () => {
  const { samples, at } = parseMetrics(text.replace('}    3', '} 3'), 5)
  expect(at).toBe(5)
  expect(samples.get('http_requests_total')).toEqual([
    { labels: { method: 'post', code: '200' }, value: 1027 },
    { labels: { method: 'post', code: '400' }, value: 3 },
  ])
  expect(samples.get('no_labels')).toEqual([{ labels: {}, value: 12.5 }])
  expect(samples.get('latency_bucket')).toEqual([{ labels: { le: '+Inf' }, value: 7 }])
  expect(samples.get('escaped')).toEqual([
    {
      labels: { path: 'C:\\DIR\\', error: 'say "hi"\nagain', list: 'a,b={c}' },
      value: 1458255915,
    },
  ])
  expect([...samples.keys()]).toHaveLength(4)
})

test('an exemplar behind a value has labels of its own, and is left out', () => {
  const { samples } = parseMetrics('x_bucket{le="1"} 5 # {trace_id="0af7"} 0.043 1796119515.8', 0)
  expect(samples.get('x_bucket')).toEqual([{ labels: { le: '1' }, value: 5 }])
})

test('two instances of a service are counted together, and a counter of one is not the next of the other', () => {
  const scrapeAt = (at: number, first: number, second: number) =>
    mergeScrapes(
      new Map([
        ['payments', parseMetrics(`requests_count{status="200"} ${first}`, at)],
        ['payments-2', parseMetrics(`requests_count{status="200"} ${second}`, at)],
      ]),
    )
  const grown = perSecond(scrapeAt(0, 1_000, 10), scrapeAt(2_000, 1_004, 16), {
    name: 'requests_count',
  })
  expect(grown).toBe(5)
})

test('a text without a sample has none', () => {
  expect(parseMetrics('', 0).samples.size).toBe(0)
  expect(parseMetrics('<html>404</html>', 0).samples.size).toBe(0)
})
