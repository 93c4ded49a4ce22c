import { existsSync } from 'node:fs'
import { vulkanAdapters } from '../../src/runtime/vulkan.node.js'

/** Vulkan in software that is new enough for WebGPU: SwiftShader, as Debian's chromium package ships it. */
const DRIVERS = ['/usr/lib/chromium/vk_swiftshader_icd.json']

/**
 * Why tests on WebGPU in Node are skipped, for their names; empty where they run. From here on Vulkan uses the software
 * driver in this process, so that results do not depend on the machine's GPU.
 */
export const withoutVulkan = useSoftwareVulkan()

/**
 * The driver alone does not do: what finds it, Vulkan's loader, is another package, which newer chromium packages do
 * not need.
 */
function useSoftwareVulkan(): string {
  const driver = process.env['SFV_TEST_VULKAN'] ?? DRIVERS.find((file) => existsSync(file))
  if (driver === undefined) return ' (skipped: no SwiftShader on this machine; apt-get install chromium has it)'
  process.env['VK_ICD_FILENAMES'] = driver
  if (vulkanAdapters().length > 0) return ''
  return ' (skipped: Vulkan finds no adapter; apt-get install libvulkan1 has its loader)'
}
