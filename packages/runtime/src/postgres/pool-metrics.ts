import type { Pool } from 'pg'
import { Gauge, type Registry } from 'prom-client'

/**
 * Shows the connections of every pool, and the requests that wait for one. The names are those of the
 * conventions of OpenTelemetry (db.client.connection.*, in development). They are read when the metrics
 * are.
 */
export function showPools(pools: Readonly<Record<string, Pool>>, registry: Registry): void {
  const registers = [registry]
  const all = Object.entries(pools)
  new Gauge({
    name: 'db_client_connection_count',
    help: 'Connections to PostgreSQL, by pool and by state: idle or used.',
    labelNames: ['pool', 'state'] as const,
    registers,
    collect() {
      for (const [name, pool] of all) {
        this.set({ pool: name, state: 'idle' }, pool.idleCount)
        this.set({ pool: name, state: 'used' }, pool.totalCount - pool.idleCount)
      }
    },
  })
  new Gauge({
    name: 'db_client_connection_max',
    help: 'The most connections that a pool may have.',
    labelNames: ['pool'] as const,
    registers,
    collect() {
      for (const [name, pool] of all) this.set({ pool: name }, pool.options.max ?? 0)
    },
  })
  new Gauge({
    name: 'db_client_connection_pending_requests',
    help: 'Requests that wait for a connection of a pool.',
    labelNames: ['pool'] as const,
    registers,
    collect() {
      for (const [name, pool] of all) this.set({ pool: name }, pool.waitingCount)
    },
  })
}
