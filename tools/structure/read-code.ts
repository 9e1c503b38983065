import { type Comment, type Expression, parseSync, Visitor, type VisitorObject } from 'oxc-parser'

/** A piece of a file. Lines are counted from 1. */
export type Found = Readonly<{ text: string; line: number }>

export type Import = Readonly<{
  specifier: string
  line: number
  /**
   * `type` is erased before the program runs. `import { type A }` is not: with verbatimModuleSyntax
   * it leaves `import {}` behind, which loads the module, so it counts as a value.
   */
  kind: 'value' | 'type' | 'dynamic' | 're-export' | 'type re-export'
  /** The names that an `import { a }` takes, as the imported module calls them. */
  names: readonly string[]
}>

export type Call = Readonly<{
  /** A function's plain name, or a class's name behind `new`. */
  name: string
  argumentCount: number
  /** The first argument, if it is a string literal. */
  firstString: string | undefined
  line: number
}>

/** A comment without its marks. Line comments below each other are one comment. */
export type CommentText = Found & Readonly<{ lastLine: number }>

/** What the rules and the generated pages ask about a file of TypeScript or JavaScript. */
export type Code = Readonly<{
  imports: readonly Import[]
  /** `export * from`, with or without a name. */
  wildcards: readonly Import[]
  /** The file has imports and export lists only: it passes on what other files made. */
  onlyPassesOn: boolean
  /** String literals; specifiers and quoted keys are among them. */
  strings: readonly Found[]
  /** Unquoted keys of object literals. */
  keys: readonly Found[]
  /** Identifiers that are read, and each pair of a chain, such as `process.env`. */
  names: readonly Found[]
  calls: readonly Call[]
  /** `async` and `await`. */
  waits: readonly Found[]
  /** Spreads of a literal that has entries, such as `...[a, b]`. */
  literalSpreads: readonly Found[]
  /** Functions that have a body. */
  functions: readonly Readonly<{ parameterCount: number; line: number }>[]
  comments: readonly CommentText[]
}>

/** Parses one file. @throws when its syntax is wrong */
export function readCode(path: string, text: string): Code {
  const { program, comments, errors } = parseSync(path, text, { preserveParens: false })
  if (errors[0] !== undefined) throw new Error(`${path}: ${errors[0].message}`)
  const lineAt = lineCounter(text)
  const found = nothingFound()
  new Visitor(importsInto(found, lineAt)).visit(program)
  new Visitor(namesInto(found, lineAt)).visit(program)
  new Visitor(shapesInto(found, lineAt)).visit(program)
  const imports = program.body.filter(({ type }) => type === 'ImportDeclaration')
  const exportLists = program.body.filter(
    statement =>
      statement.type === 'ExportAllDeclaration' ||
      (statement.type === 'ExportNamedDeclaration' && statement.declaration === null),
  )
  return {
    ...found,
    onlyPassesOn:
      exportLists.length > 0 && imports.length + exportLists.length === program.body.length,
    comments: readComments(comments, text, lineAt),
  }
}

type Growing<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] }
type Collected = Growing<Omit<Code, 'onlyPassesOn' | 'comments'>>
type LineAt = (offset: number) => number

function nothingFound(): Collected {
  return {
    imports: [],
    wildcards: [],
    strings: [],
    keys: [],
    names: [],
    calls: [],
    waits: [],
    literalSpreads: [],
    functions: [],
  }
}

function lineCounter(text: string): LineAt {
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return offset => {
    let low = 0
    let high = starts.length
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2)
      if ((starts[middle] ?? 0) <= offset) low = middle
      else high = middle
    }
    return low + 1
  }
}

function importsInto({ imports, wildcards }: Collected, lineAt: LineAt): VisitorObject {
  return {
    ImportDeclaration({ importKind, source, specifiers, start }) {
      const names = specifiers.flatMap(specifier =>
        specifier.type === 'ImportSpecifier' ? [nameOf(specifier.imported)] : [],
      )
      const kind = importKind === 'type' ? 'type' : 'value'
      imports.push({ specifier: source.value, line: lineAt(start), kind, names })
    },
    ImportExpression({ source, start }) {
      const specifier = textOf(source)
      if (specifier === undefined) return
      imports.push({ specifier, line: lineAt(start), kind: 'dynamic', names: [] })
    },
    TSImportType({ source, start }) {
      imports.push({ specifier: source.value, line: lineAt(start), kind: 'type', names: [] })
    },
    ExportNamedDeclaration({ exportKind, source, start }) {
      if (source === null) return
      const kind = exportKind === 'type' ? 'type re-export' : 're-export'
      imports.push({ specifier: source.value, line: lineAt(start), kind, names: [] })
    },
    ExportAllDeclaration({ exportKind, source, start }) {
      const kind = exportKind === 'type' ? 'type re-export' : 're-export'
      const wildcard: Import = { specifier: source.value, line: lineAt(start), kind, names: [] }
      imports.push(wildcard)
      wildcards.push(wildcard)
    },
  }
}

/** A key, a member's name and an imported name are identifiers too, and refer to nothing here. */
function namesInto({ keys, names, calls }: Collected, lineAt: LineAt): VisitorObject {
  const notRead = new Set<unknown>()
  const skipKey = ({ key, computed }: { key: unknown; computed: boolean }) => {
    if (!computed) notRead.add(key)
  }
  const addCall = (name: string, { arguments: given, start }: Called) => {
    const [first] = given
    const firstString = first && first.type !== 'SpreadElement' ? textOf(first) : undefined
    calls.push({ name, argumentCount: given.length, firstString, line: lineAt(start) })
  }
  return {
    ImportDeclaration({ specifiers }) {
      for (const specifier of specifiers) {
        notRead.add(specifier.local)
        if (specifier.type === 'ImportSpecifier') notRead.add(specifier.imported)
      }
    },
    Property(node) {
      skipKey(node)
      if (node.computed || node.key.type !== 'Identifier') return
      keys.push({ text: node.key.name, line: lineAt(node.start) })
    },
    PropertyDefinition: skipKey,
    MethodDefinition: skipKey,
    TSPropertySignature: skipKey,
    TSMethodSignature: skipKey,
    MemberExpression({ object, property, computed, start }) {
      if (computed) return
      notRead.add(property)
      const owner = object.type === 'MemberExpression' ? object.property : object
      if (owner.type !== 'Identifier') return
      names.push({ text: `${owner.name}.${property.name}`, line: lineAt(start) })
    },
    Identifier(node) {
      if (!notRead.has(node)) names.push({ text: node.name, line: lineAt(node.start) })
    },
    CallExpression(node) {
      if (node.callee.type === 'Identifier') addCall(node.callee.name, node)
    },
    NewExpression(node) {
      if (node.callee.type === 'Identifier') addCall(`new ${node.callee.name}`, node)
    },
  }
}

function shapesInto(found: Collected, lineAt: LineAt): VisitorObject {
  const { strings, waits, literalSpreads, functions } = found
  const addFunction = ({ params, async, start }: FunctionNode) => {
    functions.push({ parameterCount: params.length, line: lineAt(start) })
    if (async) waits.push({ text: 'async', line: lineAt(start) })
  }
  return {
    Literal({ value, start }) {
      if (typeof value === 'string') strings.push({ text: value, line: lineAt(start) })
    },
    FunctionDeclaration: addFunction,
    FunctionExpression: addFunction,
    ArrowFunctionExpression: addFunction,
    AwaitExpression({ start }) {
      waits.push({ text: 'await', line: lineAt(start) })
    },
    ForOfStatement({ await: waitsForEach, start }) {
      if (waitsForEach) waits.push({ text: 'await', line: lineAt(start) })
    },
    SpreadElement({ argument, start }) {
      const literal = withoutTypes(argument)
      const isLiteral =
        (literal.type === 'ObjectExpression' && literal.properties.length > 0) ||
        (literal.type === 'ArrayExpression' && literal.elements.length > 0)
      const text = literal.type === 'ArrayExpression' ? '...[ ]' : '...{ }'
      if (isLiteral) literalSpreads.push({ text, line: lineAt(start) })
    },
  }
}

type Handled<K extends keyof VisitorObject> = Parameters<NonNullable<VisitorObject[K]>>[0]
type Called = Handled<'CallExpression'> | Handled<'NewExpression'>
type FunctionNode = Handled<'FunctionDeclaration'> | Handled<'ArrowFunctionExpression'>

function nameOf(name: { name: string } | { value: string }): string {
  return 'name' in name ? name.name : name.value
}

/** The text of a literal without holes. */
function textOf(node: Expression): string | undefined {
  if (node.type === 'TemplateLiteral' && node.expressions.length === 0) {
    return node.quasis[0]?.value.cooked ?? undefined
  }
  return node.type === 'Literal' && typeof node.value === 'string' ? node.value : undefined
}

/** `[a] as const` is `[a]` when the program runs. */
function withoutTypes(node: Expression): Expression {
  const isTyped = node.type === 'TSAsExpression' || node.type === 'TSSatisfiesExpression'
  return isTyped ? withoutTypes(node.expression) : node
}

function readComments(comments: readonly Comment[], text: string, lineAt: LineAt): CommentText[] {
  const read: (CommentText & { isContinued: boolean })[] = []
  for (const { type, value, start, end } of comments) {
    const line = lineAt(start)
    const content = value
      .split('\n')
      .map(each => each.replace(/^\s*\*+/, '').trim())
      .join(' ')
      .trim()
    const standsAlone = text.slice(text.lastIndexOf('\n', start - 1) + 1, start).trim() === ''
    const isContinued = type === 'Line' && standsAlone
    const above = read.at(-1)
    if (isContinued && above?.isContinued && above.lastLine === line - 1) {
      read.splice(-1, 1, { ...above, text: `${above.text} ${content}`, lastLine: line })
    } else {
      read.push({ text: content, line, lastLine: lineAt(end), isContinued })
    }
  }
  return read.map(({ isContinued: _, ...comment }) => comment)
}
