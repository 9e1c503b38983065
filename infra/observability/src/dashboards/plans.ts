import type { DashboardPlan } from './panel.ts'

/** Grafana chooses it by the width of the panel and the interval of the scrapes. */
const range = '[$__rate_interval]'

function p99(histogram: string, by: string): string {
  return `histogram_quantile(0.99, sum by (le, ${by}) (rate(${histogram}_bucket${range})))`
}

function perSecond(counter: string, by: string): string {
  return `sum by (${by}) (rate(${counter}${range}))`
}

/** What users notice: the objectives, and every route (rate, errors, duration). */
const users: DashboardPlan = {
  name: 'users',
  title: 'Nightshift: what users notice',
  rows: [
    {
      title: 'Objectives',
      panels: [
        {
          title: 'Share of attempts that failed, over 5 minutes (objective: 0.1 % of a month)',
          unit: 'percentunit',
          queries: { '{{objective}}': 'objective:failed:ratio_rate5m' },
        },
        {
          title: 'Share of attempts that were slow, over 5 minutes (objective: 1 % of a month)',
          unit: 'percentunit',
          queries: { '{{objective}}': 'objective:slow:ratio_rate5m' },
        },
        {
          title: 'Share that failed, over three days',
          unit: 'percentunit',
          queries: { '{{objective}}': 'objective:failed:ratio_rate3d' },
        },
      ],
    },
    {
      title: 'Routes: rate, errors, duration',
      panels: [
        {
          title: 'Requests per second',
          unit: 'reqps',
          queries: {
            '{{method}} {{route}}': perSecond(
              'http_server_request_duration_seconds_count',
              'method, route',
            ),
          },
        },
        {
          title: 'Answers that are no success, per second',
          unit: 'reqps',
          queries: {
            '{{status}} {{method}} {{route}}': perSecond(
              'http_server_request_duration_seconds_count{status!~"2.."}',
              'status, method, route',
            ),
          },
        },
        {
          title: '99 of 100 answers within',
          unit: 's',
          queries: {
            '{{method}} {{route}}': p99('http_server_request_duration_seconds', 'method, route'),
          },
        },
      ],
    },
    {
      title: 'Mails',
      panels: [
        {
          title: 'Mails per second, by what became of them',
          unit: 'reqps',
          queries: { '{{kind}} {{outcome}}': perSecond('mails_total', 'kind, outcome') },
        },
        {
          title: '99 of 100 mails within, since the listing went live',
          unit: 's',
          queries: { '{{kind}}': p99('mail_delay_seconds', 'kind') },
        },
        {
          title: 'Age of the oldest mail that waits',
          unit: 's',
          queries: { oldest: 'max(mails_oldest_waiting_seconds)' },
        },
      ],
    },
  ],
}

/** The patterns at work: what is refused, repeated, limited and cut off. */
const resilience: DashboardPlan = {
  name: 'resilience',
  title: 'Nightshift: the patterns at work',
  rows: [
    {
      title: 'Calls to others',
      panels: [
        {
          title: 'Calls per second, by outcome',
          unit: 'reqps',
          queries: {
            '{{service}} to {{dependency}}: {{outcome}}': perSecond(
              'dependency_call_duration_seconds_count',
              'service, dependency, outcome',
            ),
          },
        },
        {
          title: '99 of 100 calls within',
          unit: 's',
          queries: {
            '{{service}} to {{dependency}}': p99(
              'dependency_call_duration_seconds',
              'service, dependency',
            ),
          },
        },
        {
          title: 'Circuit breakers: 0 closed, 0.5 half open, 1 open',
          unit: 'short',
          queries: {
            '{{service}} to {{dependency}}': 'max by (service, dependency) (breaker_state)',
          },
        },
        {
          title: 'Retries per second',
          unit: 'reqps',
          queries: {
            '{{dependency}} {{result}}': perSecond('retries_total', 'dependency, result'),
          },
        },
        {
          title: 'Calls under way in each bulkhead',
          unit: 'short',
          queries: {
            '{{service}} {{bulkhead}}': 'sum by (service, bulkhead) (bulkhead_calls)',
          },
        },
        {
          title: 'Calls that failed because our own process stood still, per second',
          unit: 'reqps',
          queries: {
            '{{service}} to {{dependency}}': perSecond(
              'dependency_local_stalls_total',
              'service, dependency',
            ),
          },
        },
      ],
    },
    {
      title: 'Refused before any work',
      panels: [
        {
          title: 'Refused at the door per second',
          unit: 'reqps',
          queries: {
            'too many: {{service}} {{level}}': perSecond(
              'admission_refused_total',
              'service, level',
            ),
            'behind: {{service}}': perSecond('loop_behind_refused_total', 'service'),
            'accepted late: {{service}}': perSecond('accept_queue_refused_total', 'service'),
            'tenant: {{service}}': perSecond('rate_limit_refused_total', 'service'),
            'bulkhead: {{service}}': perSecond('bulkhead_refused_total', 'service'),
            'breaker: {{service}}': perSecond('breaker_refused_total', 'service'),
          },
        },
        {
          title: 'Rate that is let in (0: no limit is known)',
          unit: 'reqps',
          queries: {
            '{{service}} {{dependency}}':
              'max by (service, dependency) (admission_rate_per_second)',
          },
        },
        {
          title: 'Left open, and the bound',
          unit: 'short',
          queries: {
            'open in {{service}}': 'sum by (service) (backlog_open)',
            'bound of {{service}}': 'max by (service) (backlog_bound)',
          },
        },
      ],
    },
    {
      title: 'Money',
      panels: [
        {
          title: 'Age of what is open',
          unit: 's',
          queries: {
            'oldest open payment': 'max(payments_oldest_open_seconds)',
            'oldest pending refund': 'max(refunds_oldest_pending_seconds)',
          },
        },
        {
          title: 'Refunds that the provider will never make, per second',
          unit: 'reqps',
          queries: { '{{reason}}': perSecond('refunds_blocked_total', 'reason') },
        },
        {
          title: 'Webhooks per second',
          unit: 'reqps',
          queries: { '{{outcome}}': perSecond('provider_webhooks_total', 'outcome') },
        },
      ],
    },
  ],
}

/** What waits between services, and what each process uses. */
const inside: DashboardPlan = {
  name: 'inside',
  title: 'Nightshift: events and processes',
  rows: [
    {
      title: 'Events',
      panels: [
        {
          title: 'Age of the oldest event that is not published',
          unit: 's',
          queries: { '{{service}}': 'max by (service) (outbox_oldest_unpublished_seconds)' },
        },
        {
          title: 'Events per second, by what became of them',
          unit: 'reqps',
          queries: {
            'published by {{service}}': perSecond('outbox_relayed_total', 'service'),
            '{{service}} {{topic}} {{outcome}}': perSecond(
              'events_consumed_total',
              'service, topic, outcome',
            ),
          },
        },
        {
          title: '99 of 100 events are applied within, since their commit',
          unit: 's',
          queries: { '{{service}} {{topic}}': p99('event_age_seconds', 'service, topic') },
        },
        {
          title: 'Consumers without progress',
          unit: 's',
          queries: {
            '{{service}} {{topic}}': 'max by (service, topic) (consumer_without_progress_seconds)',
          },
        },
      ],
    },
    {
      title: 'Processes: used, waiting',
      panels: [
        {
          title: 'Connections to PostgreSQL in use, as a share of the pool',
          unit: 'percentunit',
          queries: {
            '{{service}} {{pool}}':
              'sum by (service, pool) (db_client_connection_count{state="used"}) / sum by (service, pool) (db_client_connection_max)',
          },
        },
        {
          title: 'Waiting for a connection to PostgreSQL',
          unit: 'short',
          queries: {
            '{{service}} {{pool}}':
              'sum by (service, pool) (db_client_connection_pending_requests)',
          },
        },
        {
          title: 'Lag of the event loop, 99 of 100 turns',
          unit: 's',
          queries: { '{{service}}': 'max by (service) (nodejs_eventloop_lag_p99_seconds)' },
        },
        {
          title: 'Processor, in cores',
          unit: 'short',
          queries: { '{{service}}': perSecond('process_cpu_seconds_total', 'service') },
        },
        {
          title: 'Memory',
          unit: 'bytes',
          queries: { '{{service}}': 'sum by (service) (process_resident_memory_bytes)' },
        },
        {
          title: 'Patterns by the version that runs',
          unit: 'short',
          queries: { '{{variant}}': 'count by (variant) (pattern_variant == 1)' },
        },
      ],
    },
  ],
}

export const dashboardPlans: readonly DashboardPlan[] = [users, resilience, inside]
