import { expect, it } from 'vitest'
import { sfvCommand } from '../../src/cli/command.js'
import type { Command } from 'commander'

/** The help text as a terminal of 80 columns shows it. */
function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({
    writeOut: (part) => (text += part),
    getOutHelpWidth: () => 80,
    getOutHasColors: () => false,
  })
  command.outputHelp()
  return text
}

it('says what the commands are', () => {
  expect(helpOf(sfvCommand())).toMatchSnapshot()
})

it.each([
  'animate',
  'edit',
  'extend',
  'stickers',
  'data',
  'train',
  'report',
  'eval',
  'merge',
  'info',
  'manifest',
  'init',
  'pull',
  'serve',
  'worker',
  'doctor',
  'cache',
])('says what %s takes, with examples', (name) => {
  const help = helpOf(sfvCommand().commands.find((command) => command.name() === name)!)
  expect(help).toContain('Examples:')
  expect(help).toMatchSnapshot()
})
