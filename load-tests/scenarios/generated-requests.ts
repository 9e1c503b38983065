import type { RandomSource } from './random-source.ts'

const areas = ['worldwide', 'europe', 'americas', 'africa', 'asia-pacific'] as const
const seniorities = ['junior', 'mid', 'senior', 'lead'] as const
const jobs = ['Backend Engineer', 'Data Engineer', 'Product Designer', 'Technical Writer'] as const
const searchWords = ['engineer', 'backend', 'data', 'designer', 'writer'] as const
/** Each listing names one of so many projects, so that an alert for one project matches few listings. */
const projectsMax = 5_000
const thousand = 1_000
const declinedShare = 0.03

/** A valid draft of a listing. */
export function draftFor(random: RandomSource) {
  const salaryMinEurPerYear = (30 + random.below(90)) * thousand
  return {
    title: `${random.pick(jobs)}, ${projectFor(random)}`,
    company: 'Midnight Freight',
    description: 'We ship while others sleep, and nobody is on call.',
    area: random.pick(areas),
    seniority: random.pick(seniorities),
    salaryMinEurPerYear,
    salaryMaxEurPerYear: salaryMinEurPerYear + (5 + random.below(30)) * thousand,
  }
}

/** The query of a search. About half of all searches use each filter. */
export function searchFor(random: RandomSource): string {
  const filters = [
    `text=${random.pick(searchWords)}`,
    `area=${random.pick(areas)}`,
    `seniority=${random.pick(seniorities)}`,
    `salaryAtLeastEurPerYear=${(30 + 10 * random.below(9)) * thousand}`,
  ].filter(() => random.chance() < 0.5)
  return ['limit=20', ...filters].join('&')
}

/** An alert for one project, so that there are few mails however many listings there are. */
export function alertFor(random: RandomSource, ids: RandomSource) {
  return { email: `candidate-${ids.hex(16)}@example.org`, text: projectFor(random) }
}

/** Usually a good card. A history may contain `card`, and never the token. */
export function cardFor(random: RandomSource) {
  return random.chance() < declinedShare
    ? ({ card: 'bad', cardToken: 'pm_card_chargeDeclined' } as const)
    : ({ card: 'good', cardToken: 'pm_card_visa' } as const)
}

function projectFor(random: RandomSource): string {
  return `project${random.below(projectsMax)}`
}
