import { Counter, Gauge, type Registry } from 'prom-client'
import { type Admission, levels } from './types.ts'

/** The metrics of the admission to one dependency. */
export function admissionMetrics(
  registry: Registry,
  dependency: string,
  admission: Pick<Admission, 'perSecond'>,
) {
  const registers = [registry]
  const labels = { dependency }
  new Gauge({
    name: 'admission_rate_per_second',
    help: 'Calls per second that a dependency is believed to take; 0 while no limit is known.',
    labelNames: ['dependency'] as const,
    registers,
    collect() {
      this.set(labels, admission.perSecond() ?? 0)
    },
  })
  const refused = new Counter({
    name: 'admission_refused_total',
    help: 'Requests that were refused at the door, before anything was begun, per level.',
    labelNames: ['dependency', 'level'] as const,
    registers,
  })
  // Prometheus sees an increase only of a series that was there before.
  for (const level of levels) refused.inc({ dependency, level }, 0)
  return { refused: (level: string) => refused.inc({ dependency, level }) }
}
