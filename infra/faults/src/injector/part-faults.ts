import { withDatabase } from '@nightshift/local/prepare/database-admin'
import { rolesOf } from '@nightshift/local/prepare/database-roles'
import { emptyRedisDatabase } from '@nightshift/local/prepare/redis-database'
import { isInTree } from '@nightshift/local/supervisor/process-tree'
import type { ServiceName } from '@nightshift/local/system/secrets'
import { waitUntil } from '@nightshift/local/wait-until'
import { openFaultRecord } from './fault-record.ts'
import { statusOf } from './process-faults.ts'
import type { InjectorTarget, RecoveryTime } from './target.ts'

const resetMs = 10_000
const servesMs = 60_000

/** A session that is working is preferred to one that waits for work. */
const findBackend = `
  SELECT pid FROM pg_stat_activity
  WHERE usename = ANY ($1) AND datname = current_database() AND backend_type = 'client backend'
  ORDER BY state = 'active' DESC, state_change DESC LIMIT 1`

export type PartFaults = Readonly<ReturnType<typeof openPartFaults>>

/** Faults that only one of the real parts can have. */
export function openPartFaults(target: InjectorTarget) {
  const record = openFaultRecord(target.faults)

  /** `kill -9` of one session of a service: PostgreSQL then ends every session of every service. */
  async function killBackend(of: ServiceName): Promise<RecoveryTime> {
    const { pid: server } = await statusOf(target, 'postgres')
    const startedAt = await withDatabase(target.databaseUrl(of), async db => {
      const { rows } = await db.query<{ pid: number }>(findBackend, [rolesOf[of]])
      const pid = rows[0]?.pid
      if (pid === undefined) throw new Error(`${of} has no session at PostgreSQL now`)
      // A container numbers its processes by itself: here this pid may be any other process.
      if (server === undefined || !(await isInTree(pid, server)))
        throw new Error('PostgreSQL does not run natively here: its sessions are out of reach')
      await record.begin('part', 'postgres/kill-backend', { of, pid, signal: 'SIGKILL' })
      // This session is ended with all the others, which shows that the server has noticed.
      let isReset = false
      db.once('end', () => {
        isReset = true
      })
      const killedAt = performance.now()
      process.kill(pid, 'SIGKILL')
      if (await waitUntil(() => isReset, resetMs)) return killedAt
      throw new Error(`PostgreSQL did not notice the end of session ${pid}`)
    })
    if (!(await waitUntil(() => answers(target.databaseUrl(of)), servesMs)))
      throw new Error(`PostgreSQL did not answer ${servesMs / 1000} s after the kill`)
    return record.endAfter('part', 'postgres/kill-backend', startedAt)
  }

  /** Empties the system's database in Redis. */
  async function flushRedis(): Promise<void> {
    await statusOf(target, 'redis') // throws for an external Redis, which is not ours to empty
    await record.begin('part', 'redis/flush', {})
    const startedAt = performance.now()
    try {
      await emptyRedisDatabase(target.redisUrl)
    } finally {
      await record.endAfter('part', 'redis/flush', startedAt)
    }
  }

  return { killBackend, flushRedis }
}

async function answers(url: string): Promise<boolean> {
  try {
    await withDatabase(url, db => db.query('SELECT'))
    return true
  } catch {
    return false // refused, still recovering or reset: all of them mean not yet
  }
}
