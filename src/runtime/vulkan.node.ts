import koffi from 'koffi'

/** An adapter that Vulkan offers. */
export interface VulkanAdapter {
  readonly name: string
  /** Whether it computes on the processor. */
  readonly software: boolean
}

const LIBRARIES = ['libvulkan.so.1', 'libvulkan.so']
/** Sizes and places of Vulkan's structures on 64-bit systems (vulkan_core.h). */
const [PROPERTIES, TYPE_AT, NAME_AT, NAME_LENGTH] = [824, 16, 20, 256]
const INSTANCE_CREATE_INFO = { bytes: 64, type: 1 }
const TYPE_CPU = 4
const MOST = 16

/**
 * The adapters on which WebGPU runs under Linux, as their driver lists them; whether one is new enough shows only when
 * it is used. None where there is no Vulkan.
 */
export function vulkanAdapters(): VulkanAdapter[] {
  const library = load()
  if (!library) return []
  const createInstance = library.func('int vkCreateInstance(void *, void *, void *)')
  const enumerate = library.func('int vkEnumeratePhysicalDevices(void *, void *, void *)')
  const describe = library.func('void vkGetPhysicalDeviceProperties(void *, void *)')
  const destroy = library.func('void vkDestroyInstance(void *, void *)')
  const info = new Uint8Array(INSTANCE_CREATE_INFO.bytes)
  info[0] = INSTANCE_CREATE_INFO.type
  const instance = new BigUint64Array(1)
  if (createInstance(info, null, instance) !== 0) return []
  const [count, devices] = [Uint32Array.of(MOST), new BigUint64Array(MOST)]
  enumerate(instance[0], count, devices)
  const adapters = Array.from(devices.subarray(0, count[0]), (device) => {
    const properties = Buffer.alloc(2 * PROPERTIES)
    describe(device, properties)
    const name = properties.subarray(NAME_AT, NAME_AT + NAME_LENGTH)
    return { name: name.toString('utf8', 0, name.indexOf(0)), software: properties.readUInt32LE(TYPE_AT) === TYPE_CPU }
  })
  destroy(instance[0], null)
  return adapters
}

function load() {
  for (const name of process.platform === 'linux' ? LIBRARIES : [])
    try {
      return koffi.load(name)
    } catch {
      // The next name, or none.
    }
  return undefined
}
