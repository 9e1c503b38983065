import type { DraftListingRequest } from '@nightshift/contracts/listings-http'
import type { SaveAlertRequest } from '@nightshift/contracts/notifications-http'

export type SeedTenant = { name: string; tenantId: string; company: string; about: string }

/** A few employers. Their ids are fixed, so that a second seeding finds the first. */
export const seedTenants: readonly SeedTenant[] = [
  {
    name: 'acme',
    tenantId: '11111111-0000-4000-8000-000000000001',
    company: 'Acme Logistics',
    about: 'We move parcels for forty thousand small shops and have no office.',
  },
  {
    name: 'northwind',
    tenantId: '11111111-0000-4000-8000-000000000002',
    company: 'Northwind Energy',
    about: 'We forecast wind parks, hour by hour, for the people who balance the grid.',
  },
  {
    name: 'lumen',
    tenantId: '11111111-0000-4000-8000-000000000003',
    company: 'Lumen Health',
    about: 'We bring lab results to patients in words that they understand.',
  },
]

type Job = [
  title: string,
  seniority: DraftListingRequest['seniority'],
  area: DraftListingRequest['area'],
  minThousandEur: number,
  maxThousandEur: number,
  what: string,
]

const jobs: readonly Job[] = [
  ['Site Reliability Engineer', 'senior', 'europe', 85, 105, 'Own the on-call that nobody dreads.'],
  ['Backend Engineer, TypeScript', 'mid', 'worldwide', 60, 80, 'Services that say what they did.'],
  ['Payments Engineer', 'senior', 'europe', 90, 115, 'Money moves once, and we can prove it.'],
  ['Frontend Engineer', 'mid', 'americas', 65, 85, 'Pages that work before the script arrives.'],
  ['Data Engineer', 'senior', 'asia-pacific', 70, 95, 'Pipelines that can be run twice.'],
  ['Platform Engineer', 'lead', 'europe', 100, 130, 'A paved road that people choose to take.'],
  ['Product Designer', 'mid', 'worldwide', 55, 75, 'From the first sketch to the last state.'],
  ['Support Engineer', 'junior', 'africa', 30, 42, 'Find the cause, write it down, fix the page.'],
  ['Mobile Engineer, Kotlin', 'mid', 'africa', 45, 62, 'Works offline, because trains do.'],
  ['Security Engineer', 'senior', 'worldwide', 90, 120, 'Threat models that fit on a page.'],
  ['Engineering Manager', 'lead', 'europe', 105, 135, 'Eight engineers, one calm calendar.'],
  ['Technical Writer', 'mid', 'worldwide', 50, 68, 'Documentation that is run as a test.'],
  [
    'Database Administrator',
    'senior',
    'americas',
    85,
    110,
    'PostgreSQL, and backups that restore.',
  ],
  ['Machine Learning Engineer', 'senior', 'americas', 95, 130, 'Forecasts with honest error bars.'],
  ['QA Engineer', 'mid', 'asia-pacific', 42, 60, 'Break it on Tuesday, not on Sunday night.'],
]

/** How many of each employer's listings go live; the rest stay drafts. */
const liveShare = { acme: 13, northwind: 12, lumen: 12 } as const
const draftsEach = 1

export type SeedListing = {
  tenant: SeedTenant
  listingId: string
  idempotencyKey: string
  live: boolean
  request: DraftListingRequest
}

/** The same forty listings each time, ids and keys included. */
export function seedListingsOf(tenants: readonly SeedTenant[]): SeedListing[] {
  return tenants.flatMap((tenant, tenantIndex) => {
    const live = liveShare[tenant.name as keyof typeof liveShare] ?? 0
    return Array.from({ length: live + draftsEach }, (_unused, index) => {
      // Each employer begins at another place in the list, so that their listings differ.
      const [title, seniority, area, min, max, what] = jobs[
        (index + tenantIndex * 5) % jobs.length
      ] as Job
      const number = String(tenantIndex * 100 + index + 1).padStart(12, '0')
      return {
        tenant,
        listingId: `22222222-0000-4000-8000-${number}`,
        idempotencyKey: `seed-publish-${number}`,
        live: index < live,
        request: {
          title,
          company: tenant.company,
          description: `${what}\n\n${tenant.about}`,
          area,
          seniority,
          salaryMinEurPerYear: min * 1000,
          salaryMaxEurPerYear: max * 1000,
        },
      }
    })
  })
}

/** Narrow alerts, so that the mailbox shows a handful of mails and not hundreds. */
export const seedAlerts: readonly SaveAlertRequest[] = [
  { email: 'ada@example.org', text: 'payments', area: 'europe' },
  { email: 'grace@example.org', seniority: 'lead' },
  { email: 'linus@example.org', text: 'kotlin', area: 'africa' },
  { email: 'margaret@example.org', salaryAtLeastEurPerYear: 125_000 },
]
