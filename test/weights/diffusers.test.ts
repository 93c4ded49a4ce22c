import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { UserError } from '../../src/errors.js'
import { readPipelineFolder, writePipelineFolder } from '../../src/weights/diffusers.node.js'
import { fixturePath, readJson } from '../support/fixture.js'

const tiny = fixturePath('pipeline-tiny')
const configs = {
  feature_extractor: 'preprocessor_config.json',
  image_encoder: 'config.json',
  scheduler: 'scheduler_config.json',
  unet: 'config.json',
  vae: 'config.json',
}

let folder = ''
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'sfv-pipeline-'))))
afterEach(() => rm(folder, { recursive: true, force: true }))

/** Copies the tiny pipeline without its weights. */
const copyTiny = (): Promise<void> =>
  cp(tiny, folder, { recursive: true, filter: (path) => !/\.(safetensors|png)$/.test(path) })

async function editIndex(change: (index: Record<string, unknown>) => void): Promise<void> {
  const file = join(folder, 'model_index.json')
  const index = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>
  change(index)
  await writeFile(file, JSON.stringify(index))
}

describe('folders that the index does not list', () => {
  it('count as components where they are of the class that is asked for, and else do not matter', async () => {
    await copyTiny()
    for (const name of ['distilled', 'decoder', 'notes'])
      await cp(join(folder, 'unet'), join(folder, name), { recursive: true })
    await writeFile(join(folder, 'decoder', 'config.json'), '{"_class_name": "AutoencoderKLTemporalDecoder"}')
    await writeFile(join(folder, 'notes', 'config.json'), 'not JSON')
    const unet = 'UNetSpatioTemporalConditionModel'
    const { components } = await readPipelineFolder(folder, unet)
    expect([...components.keys()].sort()).toEqual([...Object.keys(configs), 'distilled'].sort())
    expect(components.get('distilled')).toEqual(components.get('unet'))
    expect((await readPipelineFolder(folder)).components.has('distilled')).toBe(false)
  })
})

describe('reading', () => {
  it.each(['pipeline-tiny', 'svd-manifest'])('reads every configuration of %s', async (name) => {
    const pipeline = await readPipelineFolder(fixturePath(name))
    expect([...pipeline.components.keys()].sort()).toEqual(Object.keys(configs))
    for (const [component, file] of Object.entries(configs)) {
      expect(pipeline.components.get(component)!.config).toEqual(readJson(`${name}/${component}/${file}`))
    }
    expect(pipeline.components.get('unet')).toMatchObject({
      library: 'diffusers',
      className: 'UNetSpatioTemporalConditionModel',
    })
  })

  it.each(['CLIPImageProcessorFast', 'CLIPImageProcessorPil', 'CLIPFeatureExtractor'])(
    'reads the image processor by the name %s',
    async (name) => {
      await copyTiny()
      await editIndex((index) => (index['feature_extractor'] = ['transformers', name]))
      const { config, className } = (await readPipelineFolder(folder)).components.get('feature_extractor')!
      expect(className).toBe(name)
      expect(config).toEqual(readJson('pipeline-tiny/feature_extractor/preprocessor_config.json'))
    },
  )

  it.each([
    ['utf8', '\ufeff'],
    ['utf16le', '\ufeff'],
  ] as const)('reads configurations with the byte order mark of %s', async (encoding, mark) => {
    await copyTiny()
    for (const file of ['model_index.json', 'vae/config.json']) {
      const path = join(folder, file)
      await writeFile(path, mark + (await readFile(path, 'utf8')), encoding)
    }
    expect((await readPipelineFolder(folder)).components.get('vae')!.config).toEqual(
      readJson('pipeline-tiny/vae/config.json'),
    )
  })

  it('reads further components, and passes over optional ones that were left out', async () => {
    await copyTiny()
    await cp(join(folder, 'unet'), join(folder, 'student'), { recursive: true })
    await editIndex((index) => {
      index['student'] = index['unet']
      index['safety_checker'] = [null, null]
    })
    const { components } = await readPipelineFolder(folder)
    expect(components.get('student')).toEqual(components.get('unet'))
    expect(components.has('safety_checker')).toBe(false)
  })

  it('reads what the model is best asked for', async () => {
    expect((await readPipelineFolder(tiny)).defaults).toEqual({})
    await copyTiny()
    await editIndex((index) => (index['_sfv_defaults'] = { motion_bucket_id: 75, max_guidance_scale: 1.5 }))
    expect((await readPipelineFolder(folder)).defaults).toEqual({ motion: 75, maxGuidance: 1.5 })
  })
})

describe('refusing', () => {
  const cases: readonly [what: string, change: () => Promise<void>, message: RegExp][] = [
    ['a missing folder', () => rm(folder, { recursive: true }), /is missing; it should be a folder with a model_index/],
    ['no index', () => rm(join(folder, 'model_index.json')), /model_index\.json: there is no such file/],
    [
      'an index that is not JSON',
      () => writeFile(join(folder, 'model_index.json'), '{'),
      /model_index.* not valid JSON/,
    ],
    ['an index that is a list', () => writeFile(join(folder, 'model_index.json'), '[]'), /is not a JSON object/],
    [
      'another pipeline',
      () => editIndex((index) => (index['_class_name'] = 'StableDiffusionPipeline')),
      /_class_name is "StableDiffusionPipeline"; only StableVideoDiffusionPipeline/,
    ],
    ['no class', () => editIndex((index) => delete index['_class_name']), /field _class_name is null/],
    [
      'another image processor',
      () => editIndex((index) => (index['feature_extractor'] = ['transformers', 'SiglipImageProcessor'])),
      /field feature_extractor is transformers's SiglipImageProcessor; only transformers's CLIPImageProcessor/,
    ],
    ['an index without a vae', () => editIndex((index) => delete index['vae']), /field vae is missing/],
    ['a vae left out', () => editIndex((index) => (index['vae'] = [null, null])), /field vae is not a pair/],
    [
      'another class',
      () => editIndex((index) => (index['unet'] = ['diffusers', 'UNet2DConditionModel'])),
      /field unet is diffusers's UNet2DConditionModel; only diffusers's UNetSpatioTemporalConditionModel/,
    ],
    ['a component of another form', () => editIndex((index) => (index['student'] = 'unet')), /field student is not a/],
    ['a component outside', () => editIndex((index) => (index['../x'] = index['unet'])), /"\.\.\/x" is not the name/],
    [
      'defaults that are no object',
      () => editIndex((index) => (index['_sfv_defaults'] = [75])),
      /field _sfv_defaults is not an object/,
    ],
    [
      'a default that is not known',
      () => editIndex((index) => (index['_sfv_defaults'] = { motion: 75 })),
      /_sfv_defaults has "motion"; known are motion_bucket_id, max_guidance_scale, free_edge/,
    ],
    [
      'a default out of range',
      () => editIndex((index) => (index['_sfv_defaults'] = { motion_bucket_id: 300 })),
      /_sfv_defaults.motion_bucket_id is 300; give a number from 0 to 255/,
    ],
    ['a missing component', () => rm(join(folder, 'unet'), { recursive: true }), /unet is missing; .* component unet/],
    [
      'a missing configuration',
      () => rm(join(folder, 'vae', 'config.json')),
      /vae.config\.json: there is no such file/,
    ],
    [
      'a configuration with a field twice',
      () => writeFile(join(folder, 'scheduler', 'scheduler_config.json'), '{"sigma_max":1,"sigma_max":2}'),
      /scheduler_config\.json has the key "sigma_max" twice/,
    ],
  ]

  it.each(cases)('refuses %s', async (_, change, message) => {
    await copyTiny()
    await change()
    const error: unknown = await readPipelineFolder(folder).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(UserError)
    expect((error as UserError).message).toMatch(message)
    expect((error as UserError).message).toContain(folder)
  })

  it('refuses a file in the place of a folder', async () => {
    const file = join(tiny, 'image.png')
    await expect(readPipelineFolder(file)).rejects.toThrow(/image\.png is not a folder; it should be a folder with/)
    await copyTiny()
    await rm(join(folder, 'vae'), { recursive: true })
    await writeFile(join(folder, 'vae'), '')
    await expect(readPipelineFolder(folder)).rejects.toThrow(/vae is not a folder; it should be the folder of/)
  })
})

describe('writing', () => {
  it('writes what it reads, in the files and with the notes of diffusers', async () => {
    const { components } = await readPipelineFolder(tiny)
    const reversed = new Map([...components].reverse())
    await writePipelineFolder(folder, reversed)
    for (const [component, file] of Object.entries(configs)) {
      const written = JSON.parse(await readFile(join(folder, component, file), 'utf8')) as object
      expect(written).toEqual(readJson(`pipeline-tiny/${component}/${file}`))
    }
    const index = await readFile(join(folder, 'model_index.json'), 'utf8')
    expect(index).toBe(await readFile(join(tiny, 'model_index.json'), 'utf8'))
  })

  it('puts class and version into configurations that lack them', async () => {
    const component = {
      library: 'diffusers',
      className: 'UNetSpatioTemporalConditionModel',
      config: { in_channels: 8 },
    }
    await writePipelineFolder(folder, new Map([['student', component]]))
    expect(JSON.parse(await readFile(join(folder, 'student', 'config.json'), 'utf8'))).toEqual({
      _class_name: 'UNetSpatioTemporalConditionModel',
      _diffusers_version: '0.29.2',
      in_channels: 8,
    })
  })
})
