import { existsSync } from 'node:fs'
import { vulkanAdapters } from '../../src/runtime/vulkan.node.js'

/** Vulkan in software that is new enough for WebGPU: SwiftShader, as Debian's chromium package ships it. */
const DRIVERS = ['/usr/lib/chromium/vk_swiftshader_icd.json']

const driver = process.env['SFV_TEST_VULKAN'] ?? DRIVERS.find((file) => existsSync(file))

/** Why tests on WebGPU in Node are skipped, for their names; empty where they run. */
export const withoutVulkan = findVulkan()

/** Has Vulkan use the software driver in this process, so that results do not depend on the machine's GPU. */
export function useSoftwareVulkan(): void {
  if (driver !== undefined) process.env['VK_ICD_FILENAMES'] = driver
}

/** The driver alone does not do: what finds it, Vulkan's loader, is another package, which newer chromium packages do not need. */
function findVulkan(): string {
  if (driver === undefined) return ' (skipped: no SwiftShader on this machine; apt-get install chromium has it)'
  useSoftwareVulkan()
  return vulkanAdapters().length > 0
    ? ''
    : ' (skipped: Vulkan finds no adapter; apt-get install libvulkan1 has its loader)'
}
