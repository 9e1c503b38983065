import type { EnvReader } from '../../read-env.ts'
import { createEnvReader } from '../../read-env.ts'
import type { WebhookEndpoint } from './webhooks/post-webhook.ts'

export type Config = Readonly<{
  host: string
  port: number
  secretKey: string
  providerLog: string
  /** The token for changes of the settings. It opens the fault log, too. */
  controlToken: string
  /** This is undefined when the system keeps no fault log. */
  faultLogUrl: string | undefined
  /** This is undefined when no webhooks are sent. */
  webhooks: WebhookEndpoint | undefined
}>

/** Reads the environment. Throws one error that lists every mistake. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const read = createEnvReader(env)
  const config = {
    host: read.text('HOST', '127.0.0.1'),
    port: read.port('PORT'),
    secretKey: read.text('SECRET_KEY'),
    providerLog: read.text('PROVIDER_LOG'),
    controlToken: read.text('CONTROL_TOKEN'),
    faultLogUrl: read.url('FAULT_LOG_URL'),
    webhooks: readWebhooks(read),
  }
  read.finish()
  return config
}

function readWebhooks(read: EnvReader): WebhookEndpoint | undefined {
  const url = read.url('WEBHOOK_URL')
  const secret = read.text('WEBHOOK_SECRET', '')
  if ((url === undefined) !== (secret === '')) {
    read.refuse('WEBHOOK_URL and WEBHOOK_SECRET go together: give both or neither')
  }
  return url === undefined ? undefined : { url, secret }
}
