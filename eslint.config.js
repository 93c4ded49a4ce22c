import js from '@eslint/js'
import tseslint from 'typescript-eslint'

/** Node's globals, which code for every platform does without. */
const nodeGlobals = ['Buffer', 'process', 'global', 'require', 'module', '__dirname', '__filename', 'setImmediate']

export default tseslint.config(
  {
    ignores: [
      'examples/**',
      'dist/',
      'dist-site/',
      'dist-studio/',
      'data/',
      'runs/',
      'models/',
      'coverage/',
      '.cache/',
      '!src/data/',
    ],
  },
  js.configs.recommended,
  tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', destructuredArrayIgnorePattern: '^_' },
      ],
      eqeqeq: 'error',
      'max-lines': ['error', 300],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'Sample i depends on (seed, i) alone: use runtime/random.ts.' },
      ],
    },
  },
  {
    // A .d.ts describes the package of another, default export and all.
    files: ['src/**/*.ts'],
    ignores: ['src/**/*.d.ts'],
    rules: {
      'no-restricted-syntax': ['error', { selector: 'ExportDefaultDeclaration', message: 'Named exports only.' }],
    },
  },
  {
    // Everything but the files that the floors give to Node.
    files: ['src/**/*.ts'],
    ignores: ['src/**/*.node.ts', 'src/cli/**', 'src/server/**', 'src/index.ts', 'src/{training,evaluation}/index.ts'],
    rules: { 'no-restricted-globals': ['error', ...nodeGlobals] },
  },
  {
    // What a fixture's JSON holds is checked by the very test that reads it.
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
    },
  },
  {
    files: ['**/*.js'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { globals: { process: 'readonly', console: 'readonly' } },
  },
)
