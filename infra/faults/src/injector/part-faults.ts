import { withDatabase } from '@nightshift/local/prepare/database-admin'
import { rolesOf } from '@nightshift/local/prepare/database-roles'
import { emptyRedisDatabase } from '@nightshift/local/prepare/redis-database'
import { isOfFamily } from '@nightshift/local/supervisor/signal-tree'
import type { ServiceName } from '@nightshift/local/system/secrets'
import { waitUntil } from '@nightshift/local/wait-until'
import { openNotes } from './fault-notes.ts'
import { statusOf } from './process-faults.ts'
import type { Back, InjectorTarget } from './target.ts'

/** What can be done to the real parts besides what can be done to every process. */
export type PartVerbs = Readonly<{
  /** `kill -9` of one session of a service: PostgreSQL then ends every session of every service. */
  killBackend: (of: ServiceName) => Promise<Back>
  /** Empties the system's database in Redis. */
  flushRedis: () => Promise<void>
}>

const resetMs = 10_000
const servesMs = 60_000

/** One that works now rather than one that waits for work. */
const findBackend = `
  SELECT pid FROM pg_stat_activity
  WHERE usename = ANY ($1) AND datname = current_database() AND backend_type = 'client backend'
  ORDER BY state = 'active' DESC, state_change DESC LIMIT 1`

/** The parts of one system. */
export function breakParts(target: InjectorTarget): PartVerbs {
  const notes = openNotes(target.faults)
  return {
    async killBackend(of) {
      const { pid: server } = await statusOf(target, 'postgres')
      const startedAt = await withDatabase(target.databaseUrl(of), async db => {
        const { rows } = await db.query<{ pid: number }>(findBackend, [rolesOf[of]])
        const pid = rows[0]?.pid
        if (pid === undefined) throw new Error(`${of} has no session at PostgreSQL now`)
        // In a container pids are others, and this one may be anybody's here.
        if (server === undefined || !(await isOfFamily(pid, server)))
          throw new Error('PostgreSQL does not run natively here: its sessions are out of reach')
        await notes.begin('part', 'postgres/kill-backend', { of, pid, signal: 'SIGKILL' })
        // Ours is ended with all the others, which is how we know that the server has noticed.
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
      return notes.endAfter('part', 'postgres/kill-backend', startedAt)
    },
    async flushRedis() {
      await statusOf(target, 'redis') // what somebody else runs is not ours to empty
      await notes.begin('part', 'redis/flush', {})
      const startedAt = performance.now()
      try {
        await emptyRedisDatabase(target.redisUrl)
      } finally {
        await notes.endAfter('part', 'redis/flush', startedAt)
      }
    },
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    await withDatabase(url, db => db.query('SELECT'))
    return true
  } catch {
    return false // refused, still recovering or reset: all of them mean not yet
  }
}
