import { parseArgs } from 'node:util'
import { audit } from './audit.ts'
import type { Evidence } from './evidence.ts'
import { loadEvidence, saveEvidence } from './keep-evidence.ts'
import { flags, type Options, readOptions } from './options.ts'
import { verdictText } from './verdict-text.ts'

const help = `Usage: npm run node -- load-tests/auditor/main.ts --run <dir>
       npm run node -- load-tests/auditor/main.ts [flags of a live system]

Reads every source of a run, compares them, and reports whether the promises were kept.
Exit code: 0 valid, 1 a promise was broken, 2 unknown (or no source could be read).

  --run <dir>              judge a recorded run
  --save <dir>             record the sources of a live system
  --sometimes 'name >= n'  what must have happened; may be repeated
  --may-be-empty <source>  a source that may be empty; may be repeated
  --pays-directly          clients pay for publications that listings does not know: the dead
                           letters about those payments are no finding
  --json                   print the verdict as JSON

A live system:
  --history <file>         JSON lines of the clients; may be repeated
  --provider-log <file>    log of the card provider; or --provider-url <url>
  --mail-log <file>        log of the mail server
  --listings-url <url>     base URL of the public search
  --brokers <host:port>    Kafka brokers, separated by commas
  --prefix <text>          prefix of topics and consumer groups; default none
  --fault-log <file>       JSON lines of the faults
  --deadline-seconds <n>   how long to wait until nothing is under way; default 90

  PAYMENTS_DATABASE_URL, LISTINGS_DATABASE_URL, NOTIFICATIONS_DATABASE_URL
                           from the environment, because they contain passwords`

const exitCodes = { true: 0, false: 1, unknown: 2 }

/** @returns the exit code */
async function run(args: string[], env: Readonly<Record<string, string | undefined>>) {
  const { values } = parseArgs({ args, options: flags })
  if (values.help) {
    console.log(help)
    return 0
  }
  const options = readOptions(values, env)
  const verdict = audit(await evidenceOf(options), options)
  const text = options.json ? JSON.stringify(verdict, null, 2) : verdictText(verdict)
  console.log(text)
  return exitCodes[`${verdict.valid}`]
}

async function evidenceOf({ from, saveTo }: Options): Promise<Evidence> {
  if ('recorded' in from) return loadEvidence(from.recorded)
  // A recorded run needs no Kafka and PostgreSQL clients, and starts a second earlier without them.
  const { waitForQuiescence } = await import('./quiescence.ts')
  const { collect } = await import('./collect.ts')
  const quiescence = await waitForQuiescence(from.sources, from.deadlineMs)
  const evidence = await collect(from.sources, { quiescence })
  if (saveTo !== undefined) await saveEvidence(evidence, saveTo)
  return evidence
}

if (import.meta.main) {
  try {
    process.exitCode = await run(process.argv.slice(2), process.env)
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${help}`)
    process.exitCode = exitCodes.unknown
  }
}
