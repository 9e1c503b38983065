/** An encoded word may have 75 characters (RFC 2047, 2). 45 bytes are 60 characters of base64. */
const wordBytesMax = 45
/** Printable ASCII with single spaces between words, which no mail server or reader changes. */
const plain = /^[!-~]+( [!-~]+)*$/

/**
 * Encodes a subject so that a mail reader shows it unchanged. ASCII that looks like an encoded word
 * must be encoded too: mail libraries pass it through, and the reader would show the decoded text.
 * That text could contain characters that our schemas refuse (compare icegreen/greenmail#1010).
 */
export function encodeSubject(subject: string): string {
  if (plain.test(subject) && !subject.includes('=?')) return subject
  const words: string[] = []
  let word = ''
  // Split by code points, because no encoded word may contain half of a character.
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
