import type { Dice } from './random-source.ts'

const areas = ['worldwide', 'europe', 'americas', 'africa', 'asia-pacific'] as const
const seniorities = ['junior', 'mid', 'senior', 'lead'] as const
const jobs = ['Backend Engineer', 'Data Engineer', 'Product Designer', 'Technical Writer'] as const
const searchWords = ['engineer', 'backend', 'data', 'designer', 'writer'] as const
/** As many words as listings are told apart by: an alert for one of them matches few listings. */
const projectsMax = 5_000
const thousand = 1_000
const declinedShare = 0.03

/** A listing that passes. */
export function draftFor(dice: Dice) {
  const salaryMinEurPerYear = (30 + dice.below(90)) * thousand
  return {
    title: `${dice.pick(jobs)}, ${projectFor(dice)}`,
    company: 'Midnight Freight',
    description: 'We ship while others sleep, and nobody is on call.',
    area: dice.pick(areas),
    seniority: dice.pick(seniorities),
    salaryMinEurPerYear,
    salaryMaxEurPerYear: salaryMinEurPerYear + (5 + dice.below(30)) * thousand,
  }
}

/** The query of a search: each filter is used by about half of those who look. */
export function searchFor(dice: Dice): string {
  const filters = [
    `text=${dice.pick(searchWords)}`,
    `area=${dice.pick(areas)}`,
    `seniority=${dice.pick(seniorities)}`,
    `salaryAtLeastEurPerYear=${(30 + 10 * dice.below(9)) * thousand}`,
  ].filter(() => dice.chance() < 0.5)
  return ['limit=20', ...filters].join('&')
}

/** Narrow, so that the mails stay few whatever the number of listings. */
export function alertFor(dice: Dice, ids: Dice) {
  return { email: `candidate-${ids.hex(16)}@example.org`, text: projectFor(dice) }
}

/** Mostly a card that is good. `card` is what a history may say of it. */
export function cardFor(dice: Dice) {
  return dice.chance() < declinedShare
    ? ({ card: 'bad', cardToken: 'pm_card_chargeDeclined' } as const)
    : ({ card: 'good', cardToken: 'pm_card_visa' } as const)
}

function projectFor(dice: Dice): string {
  return `project${dice.below(projectsMax)}`
}
