// Rotations of neighbours, of the first channels, with a factor, with Llama 3.1's scaling.
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
#a = affine_map<(h, i, j, d) -> (h, i, d)>
#bt = affine_map<(h, i, j, d) -> (h, j, d)>
#c = affine_map<(h, i, j, d) -> (h, i, j)>
#id = affine_map<(h, i, d) -> (h, i, d)>

// pairs of neighbours, by literal tables
// EXECUTE: neighbours_by_tables
// CHECK-LABEL: @neighbours_by_tables(
// CHECK: kvc.rope %{{.*}} at %{{.*}} {rope = #kvc.rope<theta = 1.000000e+04, dim = 8, style = interleaved>}
func.func @neighbours_by_tables(%q: tensor<2x5x8xf32>, %k: tensor<2x5x8xf32>, %v: tensor<2x5x8xf32>) -> tensor<2x5x8xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x5x5xf32>
  %oute = tensor.empty() : tensor<2x5x8xf32>
  %ct = arith.constant dense<[[1.000000000e+00, 1.000000000e+00, 1.000000000e+00, 1.000000000e+00], [5.403022766e-01, 9.950041771e-01, 9.999499917e-01, 9.999995232e-01], [-4.161468446e-01, 9.800665975e-01, 9.998000264e-01, 9.999979734e-01], [-9.899924994e-01, 9.553365111e-01, 9.995500445e-01, 9.999955297e-01], [-6.536436081e-01, 9.210609794e-01, 9.992001057e-01, 9.999920130e-01], [2.836622000e-01, 8.775825500e-01, 9.987502694e-01, 9.999874830e-01], [9.601702690e-01, 8.253356218e-01, 9.982005358e-01, 9.999819994e-01], [7.539022565e-01, 7.648422122e-01, 9.975510240e-01, 9.999755025e-01], [-1.455000341e-01, 6.967067122e-01, 9.968017340e-01, 9.999679923e-01], [-9.111302495e-01, 6.216099262e-01, 9.959527254e-01, 9.999595284e-01], [-8.390715122e-01, 5.403022766e-01, 9.950041771e-01, 9.999499917e-01], [4.425697960e-03, 4.535960853e-01, 9.939560890e-01, 9.999395013e-01]]> : tensor<12x4xf32>
  %st = arith.constant dense<[[0.000000000e+00, 0.000000000e+00, 0.000000000e+00, 0.000000000e+00], [8.414709568e-01, 9.983342141e-02, 9.999833070e-03, 9.999999311e-04], [9.092974067e-01, 1.986693293e-01, 1.999866590e-02, 1.999998698e-03], [1.411200017e-01, 2.955202162e-01, 2.999549918e-02, 2.999995602e-03], [-7.568024993e-01, 3.894183338e-01, 3.998933360e-02, 3.999989480e-03], [-9.589242935e-01, 4.794255495e-01, 4.997916520e-02, 4.999979399e-03], [-2.794154882e-01, 5.646424890e-01, 5.996400490e-02, 5.999964196e-03], [6.569865942e-01, 6.442176700e-01, 6.994284689e-02, 6.999942940e-03], [9.893582463e-01, 7.173560858e-01, 7.991468906e-02, 7.999914698e-03], [4.121184945e-01, 7.833269238e-01, 8.987854421e-02, 8.999879472e-03], [-5.440211296e-01, 8.414709568e-01, 9.983341396e-02, 9.999834001e-03], [-9.999902248e-01, 8.912073970e-01, 1.097782999e-01, 1.099977922e-02]]> : tensor<12x4xf32>
  %r = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel", "parallel"]} outs(%oute : tensor<2x5x8xf32>) {
  ^bb0(%o: f32):
    %h = linalg.index 0 : index
    %i = linalg.index 1 : index
    %d = linalg.index 2 : index
    %half = arith.constant 4 : index
    %two = arith.constant 2 : index
    %one = arith.constant 1 : index
    %p = arith.divui %d, %two : index
    %odd = arith.remui %d, %two : index
    %is_first = arith.cmpi ult, %odd, %one : index
    %up = arith.addi %d, %one : index
    %down = arith.subi %d, %one : index
    %partner = arith.select %is_first, %up, %down : index
    %cos = tensor.extract %ct[%i, %p] : tensor<12x4xf32>
    %sin = tensor.extract %st[%i, %p] : tensor<12x4xf32>
    %x = tensor.extract %q[%h, %i, %d] : tensor<2x5x8xf32>
    %w = tensor.extract %q[%h, %i, %partner] : tensor<2x5x8xf32>
    %n = arith.negf %w : f32
    %z = arith.select %is_first, %n, %w : f32
    %u = arith.mulf %x, %cos : f32
    %t = arith.mulf %z, %sin : f32
    %y = arith.addf %u, %t : f32
    linalg.yield %y : f32
  } -> tensor<2x5x8xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%r, %k : tensor<2x5x8xf32>, tensor<2x5x8xf32>) outs(%cell0 : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %p = linalg.softmax dimension(2) ins(%s : tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x5x5xf32>, tensor<2x5x8xf32>) outs(%out0 : tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  return %out : tensor<2x5x8xf32>
}

// four of eight channels turn
// EXECUTE: first_channels
// CHECK-LABEL: @first_channels(
// CHECK: kvc.rope %{{.*}} at %{{.*}} {rope = #kvc.rope<theta = 1.000000e+04, dim = 4>}
func.func @first_channels(%q: tensor<2x5x8xf32>, %k: tensor<2x5x8xf32>, %v: tensor<2x5x8xf32>) -> tensor<2x5x8xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x5x5xf32>
  %oute = tensor.empty() : tensor<2x5x8xf32>
  %freq = arith.constant dense<[1.000000000e+00, 9.999999776e-03]> : tensor<2xf32>
  %r = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel", "parallel"]} outs(%oute : tensor<2x5x8xf32>) {
  ^bb0(%o: f32):
    %h = linalg.index 0 : index
    %i = linalg.index 1 : index
    %d = linalg.index 2 : index
    %half = arith.constant 2 : index
    %dim = arith.constant 4 : index
    %turns = arith.cmpi ult, %d, %dim : index
    %z0 = arith.constant 0 : index
    %e = arith.select %turns, %d, %z0 : index
    %is_first = arith.cmpi ult, %e, %half : index
    %p = arith.remui %e, %half : index
    %up = arith.addi %e, %half : index
    %down = arith.subi %e, %half : index
    %partner = arith.select %is_first, %up, %down : index
    %ii = arith.index_cast %i : index to i64
    %pos = arith.sitofp %ii : i64 to f32
    %fr = tensor.extract %freq[%p] : tensor<2xf32>
    %angle = arith.mulf %pos, %fr : f32
    %cos = math.cos %angle : f32
    %sin = math.sin %angle : f32
    %x = tensor.extract %q[%h, %i, %d] : tensor<2x5x8xf32>
    %w = tensor.extract %q[%h, %i, %partner] : tensor<2x5x8xf32>
    %n = arith.negf %w : f32
    %z = arith.select %is_first, %n, %w : f32
    %u = arith.mulf %x, %cos : f32
    %t = arith.mulf %z, %sin : f32
    %y0 = arith.addf %u, %t : f32
    %y = arith.select %turns, %y0, %x : f32
    linalg.yield %y : f32
  } -> tensor<2x5x8xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%r, %k : tensor<2x5x8xf32>, tensor<2x5x8xf32>) outs(%cell0 : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %p = linalg.softmax dimension(2) ins(%s : tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x5x5xf32>, tensor<2x5x8xf32>) outs(%out0 : tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  return %out : tensor<2x5x8xf32>
}

// an attention factor in the tables is a factor of the scale
// EXECUTE: magnitude
// CHECK-LABEL: @magnitude(
// CHECK: kvc.rope %{{.*}} at %{{.*}} {rope = #kvc.rope<theta = 1.000000e+04, dim = 8>}
// CHECK: kvc.attention {{.*}} {scale = 1.250000e+00 : f32}
func.func @magnitude(%q: tensor<2x5x8xf32>, %k: tensor<2x5x8xf32>, %v: tensor<2x5x8xf32>) -> tensor<2x5x8xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x5x5xf32>
  %oute = tensor.empty() : tensor<2x5x8xf32>
  %ct = arith.constant dense<[[1.250000000e+00, 1.250000000e+00, 1.250000000e+00, 1.250000000e+00], [6.753779054e-01, 1.243755221e+00, 1.249937534e+00, 1.249999404e+00], [-5.201835632e-01, 1.225083232e+00, 1.249750018e+00, 1.249997497e+00], [-1.237490654e+00, 1.194170594e+00, 1.249437571e+00, 1.249994397e+00], [-8.170545101e-01, 1.151326299e+00, 1.249000192e+00, 1.249989986e+00], [3.545777202e-01, 1.096978188e+00, 1.248437881e+00, 1.249984384e+00], [1.200212836e+00, 1.031669497e+00, 1.247750640e+00, 1.249977469e+00], [9.423778057e-01, 9.560527205e-01, 1.246938705e+00, 1.249969363e+00], [-1.818750352e-01, 8.708834052e-01, 1.246002078e+00, 1.249959946e+00], [-1.138912797e+00, 7.770124078e-01, 1.244940877e+00, 1.249949336e+00], [-1.048839450e+00, 6.753779054e-01, 1.243755221e+00, 1.249937534e+00], [5.532122683e-03, 5.669951439e-01, 1.242445111e+00, 1.249924421e+00]]> : tensor<12x4xf32>
  %st = arith.constant dense<[[0.000000000e+00, 0.000000000e+00, 0.000000000e+00, 0.000000000e+00], [1.051838756e+00, 1.247917712e-01, 1.249979157e-02, 1.249999856e-03], [1.136621833e+00, 2.483366728e-01, 2.499833331e-02, 2.499998547e-03], [1.764000058e-01, 3.694002628e-01, 3.749437258e-02, 3.749994328e-03], [-9.460031390e-01, 4.867729247e-01, 4.998666793e-02, 4.999986850e-03], [-1.198655367e+00, 5.992819071e-01, 6.247395650e-02, 6.249974482e-03], [-3.492693603e-01, 7.058030963e-01, 7.495500892e-02, 7.499955129e-03], [8.212332726e-01, 8.052721024e-01, 8.742856234e-02, 8.749929257e-03], [1.236697793e+00, 8.966951370e-01, 9.989336878e-02, 9.999893606e-03], [5.151481032e-01, 9.791586399e-01, 1.123481840e-01, 1.124984864e-02], [-6.800264120e-01, 1.051838756e+00, 1.247917637e-01, 1.249979250e-02], [-1.249987721e+00, 1.114009261e+00, 1.372228712e-01, 1.374972425e-02]]> : tensor<12x4xf32>
  %r = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel", "parallel"]} outs(%oute : tensor<2x5x8xf32>) {
  ^bb0(%o: f32):
    %h = linalg.index 0 : index
    %i = linalg.index 1 : index
    %d = linalg.index 2 : index
    %half = arith.constant 4 : index
    %is_first = arith.cmpi ult, %d, %half : index
    %p = arith.remui %d, %half : index
    %up = arith.addi %d, %half : index
    %down = arith.subi %d, %half : index
    %partner = arith.select %is_first, %up, %down : index
    %cos = tensor.extract %ct[%i, %p] : tensor<12x4xf32>
    %sin = tensor.extract %st[%i, %p] : tensor<12x4xf32>
    %x = tensor.extract %q[%h, %i, %d] : tensor<2x5x8xf32>
    %w = tensor.extract %q[%h, %i, %partner] : tensor<2x5x8xf32>
    %n = arith.negf %w : f32
    %z = arith.select %is_first, %n, %w : f32
    %u = arith.mulf %x, %cos : f32
    %t = arith.mulf %z, %sin : f32
    %y = arith.addf %u, %t : f32
    linalg.yield %y : f32
  } -> tensor<2x5x8xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%r, %k : tensor<2x5x8xf32>, tensor<2x5x8xf32>) outs(%cell0 : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %p = linalg.softmax dimension(2) ins(%s : tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x5x5xf32>, tensor<2x5x8xf32>) outs(%out0 : tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  return %out : tensor<2x5x8xf32>
}

// Llama 3.1's frequencies, found again from their literal
// EXECUTE: llama3
// CHECK-LABEL: @llama3(
// CHECK: kvc.rope %{{.*}} at %{{.*}} {rope = #kvc.rope<theta = 5.000000e+05, dim = 64, scaling = llama3<factor = 8.000000e+00, low_freq_factor = 1.000000e+00, high_freq_factor = 4.000000e+00, original_max_positions = 8192>>}
func.func @llama3(%q: tensor<2x5x64xf32>, %k: tensor<2x5x64xf32>, %v: tensor<2x5x64xf32>) -> tensor<2x5x64xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x5x5xf32>
  %oute = tensor.empty() : tensor<2x5x64xf32>
  %freq = arith.constant dense<[1.000000000e+00, 6.636012197e-01, 4.403665960e-01, 2.922278345e-01, 1.939227432e-01, 1.286873668e-01, 8.539710194e-02, 5.666962266e-02, 3.760603070e-02, 2.495540865e-02, 1.656044088e-02, 1.098952815e-02, 7.292664610e-03, 4.839421250e-03, 3.211446106e-03, 1.371893566e-03, 5.248461384e-04, 1.785078057e-04, 7.784655463e-05, 5.165906987e-05, 3.428102355e-05, 2.274892904e-05, 1.509621688e-05, 1.001786859e-05, 6.647869668e-06, 4.411534519e-06, 2.927499963e-06, 1.942692506e-06, 1.289173156e-06, 8.554969213e-07, 5.677088097e-07, 3.767322596e-07]> : tensor<32xf32>
  %r = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel", "parallel"]} outs(%oute : tensor<2x5x64xf32>) {
  ^bb0(%o: f32):
    %h = linalg.index 0 : index
    %i = linalg.index 1 : index
    %d = linalg.index 2 : index
    %half = arith.constant 32 : index
    %is_first = arith.cmpi ult, %d, %half : index
    %p = arith.remui %d, %half : index
    %up = arith.addi %d, %half : index
    %down = arith.subi %d, %half : index
    %partner = arith.select %is_first, %up, %down : index
    %ii = arith.index_cast %i : index to i64
    %pos = arith.sitofp %ii : i64 to f32
    %fr = tensor.extract %freq[%p] : tensor<32xf32>
    %angle = arith.mulf %pos, %fr : f32
    %cos = math.cos %angle : f32
    %sin = math.sin %angle : f32
    %x = tensor.extract %q[%h, %i, %d] : tensor<2x5x64xf32>
    %w = tensor.extract %q[%h, %i, %partner] : tensor<2x5x64xf32>
    %n = arith.negf %w : f32
    %z = arith.select %is_first, %n, %w : f32
    %u = arith.mulf %x, %cos : f32
    %t = arith.mulf %z, %sin : f32
    %y = arith.addf %u, %t : f32
    linalg.yield %y : f32
  } -> tensor<2x5x64xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%r, %k : tensor<2x5x64xf32>, tensor<2x5x64xf32>) outs(%cell0 : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %p = linalg.softmax dimension(2) ins(%s : tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x5x64xf32>) -> tensor<2x5x64xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x5x5xf32>, tensor<2x5x64xf32>) outs(%out0 : tensor<2x5x64xf32>) -> tensor<2x5x64xf32>
  return %out : tensor<2x5x64xf32>
}
