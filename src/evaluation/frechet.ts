import { EigenvalueDecomposition, Matrix, QrDecomposition } from 'ml-matrix'

/** Features of a set of clips: one row of equal length for each. */
export type FeatureRows = readonly ArrayLike<number>[]

/**
 * The Frechet distance between the Gaussians of two sets of features (Heusel et al. 2017; for videos Unterthiner et al.
 * 2018):
 * |mu_x - mu_y|^2 + tr(S_x + S_y - 2 (S_x S_y)^(1/2)), covariances with n - 1, all in float64.
 *
 * The trace of the root is taken without a matrix square root: with S = F^T F for both, it is the sum of the singular
 * values of F_x F_y^T, which stays accurate where a covariance is singular, as it is for fewer clips than features.
 *
 * @param x (n, d), n at least 2
 * @param y (m, d), m at least 2
 */
export function frechetDistance(x: FeatureRows, y: FeatureRows): number {
  const [a, b] = [centre(x), centre(y)]
  const shift = a.mean.reduce((sum, value, i) => sum + (value - b.mean[i]!) ** 2, 0)
  // Rounding can take the distance of equal sets below 0.
  return Math.max(0, shift + a.variance + b.variance - 2 * traceOfRoot(a.factor, b.factor))
}

interface Centred {
  readonly mean: Float64Array
  /** The trace of the covariance. */
  readonly variance: number
  /** F, at most (d, d), with F^T F the covariance. */
  readonly factor: Matrix
}

function centre(rows: FeatureRows): Centred {
  const [n, d] = [rows.length, rows[0]?.length ?? 0]
  if (n < 2) throw new RangeError(`a covariance of ${n} rows; at least 2 are needed`)
  const mean = new Float64Array(d)
  for (const row of rows) for (let i = 0; i < d; i++) mean[i]! += row[i]! / n
  const scale = 1 / Math.sqrt(n - 1)
  const centred = new Matrix(rows.map((row) => Float64Array.from(mean, (m, i) => (row[i]! - m) * scale)))
  const variance = centred.norm('frobenius') ** 2
  // Of a tall matrix A = QR the triangle has the same R^T R, and is smaller.
  const factor = n > d ? new QrDecomposition(centred).upperTriangularMatrix : centred
  return { mean, variance, factor }
}

/** The nuclear norm of F_x F_y^T. */
function traceOfRoot(x: Matrix, y: Matrix): number {
  const product = x.rows <= y.rows ? x.mmul(y.transpose()) : y.mmul(x.transpose())
  const { realEigenvalues } = new EigenvalueDecomposition(product.mmul(product.transpose()), { assumeSymmetric: true })
  return realEigenvalues.reduce((sum, value) => sum + Math.sqrt(Math.max(0, value)), 0)
}
