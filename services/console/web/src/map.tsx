import type { LinkView } from '../../src/snapshot.ts'
import { ProcessPanel } from './process-panel.tsx'
import { instancesOf, isInstanceOf, openFaults, place, snapshot } from './store.ts'
import { type Health, healthOf, healthOfLink, short } from './words.ts'

const box = { width: 150, height: 64 }

/** Where each thing stands. The names are those of the supervisor. */
const nodes = [
  { name: 'clients', title: 'clients', x: 20, y: 210 },
  { name: 'payments', title: 'payments', x: 330, y: 60 },
  { name: 'listings', title: 'listings', x: 330, y: 240 },
  { name: 'notifications', title: 'notifications', x: 330, y: 420 },
  { name: 'card-provider', title: 'card provider', x: 690, y: 20 },
  { name: 'postgres', title: 'PostgreSQL', x: 690, y: 135 },
  { name: 'kafka', title: 'Kafka', x: 690, y: 250 },
  { name: 'redis', title: 'Redis', x: 690, y: 365 },
  { name: 'mailbox', title: 'mailbox', x: 690, y: 480 },
] as const
type Node = (typeof nodes)[number]

/** The links by name, and what they connect. */
const links: Readonly<Record<string, readonly [Node['name'], Node['name']]>> = {
  'client-payments': ['clients', 'payments'],
  'client-listings': ['clients', 'listings'],
  'client-notifications': ['clients', 'notifications'],
  'listings-payments': ['listings', 'payments'],
  'payments-provider': ['payments', 'card-provider'],
  'payments-postgres': ['payments', 'postgres'],
  'payments-kafka': ['payments', 'kafka'],
  'listings-postgres': ['listings', 'postgres'],
  'listings-kafka': ['listings', 'kafka'],
  'listings-redis': ['listings', 'redis'],
  'notifications-postgres': ['notifications', 'postgres'],
  'notifications-kafka': ['notifications', 'kafka'],
  'notifications-mail': ['notifications', 'mailbox'],
}

/** The whole system, and what is chosen in it. */
export function MapScreen() {
  const [, chosen] = place.value
  return (
    <div class="map-screen">
      <div class="map-frame">
        <svg viewBox="0 0 860 560" aria-label="The system">
          {Object.keys(links).map(name => (
            <LinkLine key={name} name={name} />
          ))}
          {nodes.map(node => (
            <NodeBox key={node.name} node={node} isChosen={node.name === chosen} />
          ))}
        </svg>
      </div>
      {chosen === undefined ? (
        <p class="hint">
          Choose a process to see its state, its log, and what can be done with it.
        </p>
      ) : (
        <ProcessPanel name={chosen} />
      )}
      <LinkTable />
    </div>
  )
}

function NodeBox({ node, isChosen }: { node: Node; isChosen: boolean }) {
  const { name, title, x, y } = node
  if (name === 'clients') {
    return (
      <g transform={`translate(${x},${y})`} class="node">
        <rect width={box.width - 40} height={box.height} rx="8" />
        <text x="12" y="36">
          {title}
        </text>
      </g>
    )
  }
  const instances = instancesOf(name)
  const isFaulty = openFaults.value.some(({ thing }) => isInstanceOf(name, thing))
  const worst = instances.find(({ state }) => state !== 'ready') ?? instances[0]
  const { word, tone } = healthOf(worst, isFaulty)
  const memory = instances.reduce((sum, { memoryMiB = 0 }) => sum + memoryMiB, 0)
  const restarts = instances.reduce((sum, each) => sum + each.restarts, 0)
  const facts = [
    ...(instances.length > 1 ? [`${instances.length} instances`] : []),
    ...(memory > 0 ? [`${Math.round(memory)} MiB`] : []),
    ...(restarts > 0 ? [restarts === 1 ? '1 restart' : `${restarts} restarts`] : []),
  ].join(', ')
  return (
    <a
      href={`#/map/${name}`}
      data-tone={tone}
      data-node={name}
      aria-current={isChosen ? 'true' : undefined}
    >
      <g
        transform={`translate(${x},${y})`}
        class={isChosen ? `node chosen ${tone}` : `node ${tone}`}
      >
        <rect width={box.width} height={box.height} rx="8" />
        <text x="12" y="22" class="name">
          {`${title} `}
        </text>
        <text x="12" y="40" class="state">
          {`${word} `}
        </text>
        <text x="12" y="56" class="facts">
          {facts}
        </text>
      </g>
    </a>
  )
}

function LinkLine({ name }: { name: string }) {
  const [from, to] = (links[name] ?? []).map(end => nodes.find(node => node.name === end))
  if (!from || !to) return null
  const link = linkNamed(name)
  const health = healthOfLink(link)
  const isUpward = from.x === to.x
  const width = from.name === 'clients' ? box.width - 40 : box.width
  const start = isUpward
    ? { x: from.x + 40, y: from.y }
    : { x: from.x + width, y: from.y + box.height / 2 }
  const end = isUpward
    ? { x: to.x + 40, y: to.y + box.height }
    : { x: to.x, y: to.y + box.height / 2 }
  // The labels stand at different places of their lines, so that they do not cover each other.
  const at = isUpward ? 0.5 : from.name === 'clients' ? 0.55 : 0.36
  const label = labelOf(link, health)
  return (
    <g class={`link ${health.tone}`} data-link={name} data-tone={health.tone}>
      <line x1={start.x} y1={start.y} x2={end.x} y2={end.y} />
      {label !== '' && (
        <text
          x={start.x + (end.x - start.x) * at}
          y={start.y + (end.y - start.y) * at - 4}
          text-anchor="middle"
        >
          {label}
        </text>
      )}
    </g>
  )
}

function labelOf(link: LinkView | undefined, health: Health): string {
  const rate =
    link?.perSecond === undefined || link.perSecond === 0 ? '' : `${short(link.perSecond)}/s`
  const word = health.tone === 'good' || health.tone === 'unknown' ? '' : health.word
  return [rate, word].filter(text => text !== '').join(' ')
}

function linkNamed(name: string): LinkView | undefined {
  return snapshot.value?.links.find(link => link.name === name)
}

/** The same as the lines of the map, for those who read instead of look. */
function LinkTable() {
  const all = snapshot.value?.links ?? []
  return (
    <section aria-label="Links">
      <h2>Links</h2>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">link</th>
              <th scope="col">state</th>
              <th scope="col">per second</th>
              <th scope="col">failed per second</th>
              <th scope="col">p99, ms</th>
            </tr>
          </thead>
          <tbody>
            {all.map(link => {
              const { word, tone } = healthOfLink(link)
              return (
                <tr key={link.name}>
                  <th scope="row">{link.name}</th>
                  <td class={tone}>{word}</td>
                  <td class="number">{shown(link.perSecond)}</td>
                  <td class="number">{shown(link.failedPerSecond)}</td>
                  <td class="number">{shown(link.p99Ms)}</td>
                </tr>
              )
            })}
          </tbody>
        </table>
      </div>
    </section>
  )
}

function shown(value: number | undefined): string {
  return value === undefined ? '–' : short(value)
}
