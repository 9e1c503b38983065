/**
 * Words that only look like a plural or a verb form: `news` is not the plural of `new`, and `atlas`
 * not of `atla`. Porter's second stemmer has the same list.
 */
const uninflected = new Set(['news', 'atlas', 'cosmos', 'bias', 'andes', 'series', 'species'])
const lettersMin = 3

const consonants = '[^aeiou][^aeiouy]*'
const vowels = '[aeiouy][aeiou]*'
const hasVowel = new RegExp(`^(?:${consonants})?[aeiouy]`)
const hasSyllable = new RegExp(`^(?:${consonants})?${vowels}${consonants}`)
const hasTwoSyllables = new RegExp(`^(?:${consonants})?(?:${vowels}${consonants}){2}`)
const isShort = new RegExp(`^${consonants}[aeiouy][^aeiouwxy]$`)

/**
 * The form that the inflections of an English word share: `engineers`, `engineering` and
 * `engineer`. These are the steps of Porter's stemmer (1980) about inflection: 1a, 1b, 1c and 5a. A
 * whole stemmer also removes derivations, and so treats `engine` and `engineer`, or `Excel` and
 * `excellent`, as one word. An alert about Excel would match every job for excellent people. The
 * steps are repeated until nothing changes, so that the form of a form is the same form.
 */
export function uninflect(word: string): string {
  let form = word
  for (let before = ''; before !== form && !uninflected.has(form); ) {
    before = form
    const next = withoutFinalE(withoutVerbEnding(withoutPlural(form)))
    // `ios` would become `io` and `aws` would become `aw`, which are other words.
    if (next.length >= lettersMin) form = next
  }
  return form.length > lettersMin && hasVowel.test(form.slice(0, -1))
    ? form.replace(/y$/, 'i')
    : form
}

function withoutPlural(word: string): string {
  if (word.endsWith('sses') || word.endsWith('ies')) return word.slice(0, -2)
  return /[^su]s$/.test(word) ? word.slice(0, -1) : word
}

function withoutVerbEnding(word: string): string {
  if (word.endsWith('eed')) return hasSyllable.test(word.slice(0, -3)) ? word.slice(0, -1) : word
  const stem = word.replace(/(?:ed|ing)$/, '')
  if (stem === word || !hasVowel.test(stem)) return word
  if (/(?:at|bl|iz|[^su]s)$/.test(stem)) return `${stem}e`
  if (/([^aeioulsz])\1$/.test(stem)) return stem.slice(0, -1)
  return isShort.test(stem) ? `${stem}e` : stem
}

/** The `e` after an `s` stays, because the rest would look like a plural: `databas`. */
function withoutFinalE(word: string): string {
  const stem = word.slice(0, -1)
  if (!word.endsWith('e') || stem.endsWith('s')) return word
  return hasTwoSyllables.test(stem) || (hasSyllable.test(stem) && !isShort.test(stem)) ? stem : word
}
