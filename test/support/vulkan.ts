import { existsSync } from 'node:fs'

/** Vulkan in software that is new enough for WebGPU: SwiftShader, as Debian's chromium package ships it. */
const DRIVERS = ['/usr/lib/chromium/vk_swiftshader_icd.json']

const driver = process.env['SFV_TEST_VULKAN'] ?? DRIVERS.find((file) => existsSync(file))

/** Why tests on WebGPU in Node are skipped, for their names; empty where they run. */
export const withoutVulkan =
  driver === undefined ? ' (skipped: no SwiftShader on this machine; apt-get install chromium has it)' : ''

/** Has Vulkan use the software driver in this process, so that results do not depend on the machine's GPU. */
export function useSoftwareVulkan(): void {
  if (driver !== undefined) process.env['VK_ICD_FILENAMES'] = driver
}
