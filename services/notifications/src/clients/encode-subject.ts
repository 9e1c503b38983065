/** 45 bytes are 60 characters of base64, and an encoded word may have 75 characters (RFC 2047, 2). */
const wordBytesMax = 45
/** Printable ASCII with single blanks between words, which no mail server or reader changes. */
const plain = /^[!-~]+( [!-~]+)*$/

/**
 * A subject that a mail reader shows to the letter. ASCII that looks like an encoded word has to be
 * encoded too: mail libraries pass it through, and the reader would show what it decodes to, which
 * may be what our schemas refuse (icegreen/greenmail#1010 is of the kind).
 */
export function encodeSubject(subject: string): string {
  if (plain.test(subject) && !subject.includes('=?')) return subject
  const words: string[] = []
  let word = ''
  // By code points: no encoded word may hold half of a character.
  for (const character of subject) {
    if (Buffer.byteLength(word + character) > wordBytesMax) {
      words.push(word)
      word = ''
    }
    word += character
  }
  words.push(word)
  return words.map(one => `=?UTF-8?B?${Buffer.from(one).toString('base64')}?=`).join(' ')
}
