import ts from 'typescript'
import { lineAt, type Finding, type Sources } from './sources.js'

/** A top-level declaration: what it names, where, and whether a docstring stands before it. */
interface Declaration {
  name: string
  offset: number
  documented: boolean
  exported: boolean
}

/**
 * Every exported symbol without a docstring, in the order of files and lines. A re-export from another file counts
 * there; of several overloads one docstring is enough.
 */
export function findUndocumented(sources: Sources): Finding[] {
  return [...sources].flatMap(([file, text]) => {
    const tree = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
    const declarations = tree.statements.flatMap((statement) => declarationsOf(statement, tree))
    const documented = new Set(declarations.filter((each) => each.documented).map((each) => each.name))
    const listed = exportLists(tree)
    const missing = new Map<string, Finding>()
    for (const { name, offset, exported } of declarations) {
      if ((!exported && !listed.has(name)) || documented.has(name) || missing.has(name)) continue
      missing.set(name, { file, line: lineAt(text, offset), message: `${name} is exported without a docstring` })
    }
    return [...missing.values()]
  })
}

function declarationsOf(statement: ts.Statement, tree: ts.SourceFile): Declaration[] {
  const facts = {
    offset: statement.getStart(tree),
    documented: hasDocstring(statement),
    exported: isExported(statement),
  }
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.flatMap(({ name }) =>
      boundNames(name).map((bound) => ({ ...facts, name: bound })),
    )
  }
  if (
    ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement) ||
    ts.isEnumDeclaration(statement) ||
    ts.isModuleDeclaration(statement)
  ) {
    return [{ ...facts, name: statement.name?.text ?? 'default' }]
  }
  return ts.isExportAssignment(statement) ? [{ ...facts, name: 'default', exported: true }] : []
}

/** The names that destructuring binds, or the one plain name. */
function boundNames(name: ts.BindingName): string[] {
  if (ts.isIdentifier(name)) return [name.text]
  return name.elements.flatMap((element) => (ts.isBindingElement(element) ? boundNames(element.name) : []))
}

/** The local names in `export { a, b as c }` lists without `from`. */
function exportLists(tree: ts.SourceFile): Set<string> {
  const names = tree.statements.flatMap((statement) => {
    if (!ts.isExportDeclaration(statement) || statement.moduleSpecifier !== undefined) return []
    if (statement.exportClause === undefined || !ts.isNamedExports(statement.exportClause)) return []
    return statement.exportClause.elements.map((element) => (element.propertyName ?? element.name).text)
  })
  return new Set(names)
}

function isExported(statement: ts.Statement): boolean {
  return (
    ts.canHaveModifiers(statement) &&
    (ts.getModifiers(statement) ?? []).some((modifier) => modifier.kind === ts.SyntaxKind.ExportKeyword)
  )
}

function hasDocstring(statement: ts.Statement): boolean {
  return ts
    .getJSDocCommentsAndTags(statement)
    .some((doc) => ts.isJSDoc(doc) && /[\p{L}\p{N}]/u.test(doc.getText().replace(/^\/\*\*|\*\/$/g, '')))
}
