// Generated; do not edit. LlamaForCausalLM, batch 1, dynamic length,
// no cache; causal mask and RoPE are computed in the graph.
// Command: python3 tools/export/export_llama.py -o test/models/llama-tiny.linalg.mlir --params test/models/llama-tiny.params.json
// Python 3.11.7, torch 2.9.1, transformers 5.23.0, iree-base-compiler 3.10.0,
// mlir-opt: Debian LLVM version 22.1.8
#map = affine_map<(d0) -> (d0)>
#map1 = affine_map<(d0, d1, d2, d3) -> (d0, d1, 0, d3)>
#map2 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, 0)>
#map3 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
#map4 = affine_map<(d0, d1, d2, d3) -> ()>
#map5 = affine_map<(d0, d1, d2) -> (d0, d1)>
#map6 = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#map7 = affine_map<(d0, d1, d2) -> (d0, d1, 0)>
#map8 = affine_map<(d0, d1, d2) -> (d2)>
#map9 = affine_map<(d0, d1, d2, d3) -> (d0, 0, d2, d3)>
#map10 = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d3, d4)>
#map11 = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2, d3, d4)>
#map12 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>
module {
  func.func @main(%arg0: tensor<1x?xi64> {kvc.input = "tokens"}, %arg1: tensor<256x256xf32> {kvc.param = "model.embed_tokens.weight"}, %arg2: tensor<256x256xf32> {kvc.param = "model.layers.0.self_attn.q_proj.weight"}, %arg3: tensor<128x256xf32> {kvc.param = "model.layers.0.self_attn.k_proj.weight"}, %arg4: tensor<128x256xf32> {kvc.param = "model.layers.0.self_attn.v_proj.weight"}, %arg5: tensor<256x256xf32> {kvc.param = "model.layers.0.self_attn.o_proj.weight"}, %arg6: tensor<704x256xf32> {kvc.param = "model.layers.0.mlp.gate_proj.weight"}, %arg7: tensor<704x256xf32> {kvc.param = "model.layers.0.mlp.up_proj.weight"}, %arg8: tensor<256x704xf32> {kvc.param = "model.layers.0.mlp.down_proj.weight"}, %arg9: tensor<256xf32> {kvc.param = "model.layers.0.input_layernorm.weight"}, %arg10: tensor<256xf32> {kvc.param = "model.layers.0.post_attention_layernorm.weight"}, %arg11: tensor<256x256xf32> {kvc.param = "model.layers.1.self_attn.q_proj.weight"}, %arg12: tensor<128x256xf32> {kvc.param = "model.layers.1.self_attn.k_proj.weight"}, %arg13: tensor<128x256xf32> {kvc.param = "model.layers.1.self_attn.v_proj.weight"}, %arg14: tensor<256x256xf32> {kvc.param = "model.layers.1.self_attn.o_proj.weight"}, %arg15: tensor<704x256xf32> {kvc.param = "model.layers.1.mlp.gate_proj.weight"}, %arg16: tensor<704x256xf32> {kvc.param = "model.layers.1.mlp.up_proj.weight"}, %arg17: tensor<256x704xf32> {kvc.param = "model.layers.1.mlp.down_proj.weight"}, %arg18: tensor<256xf32> {kvc.param = "model.layers.1.input_layernorm.weight"}, %arg19: tensor<256xf32> {kvc.param = "model.layers.1.post_attention_layernorm.weight"}, %arg20: tensor<256x256xf32> {kvc.param = "model.layers.2.self_attn.q_proj.weight"}, %arg21: tensor<128x256xf32> {kvc.param = "model.layers.2.self_attn.k_proj.weight"}, %arg22: tensor<128x256xf32> {kvc.param = "model.layers.2.self_attn.v_proj.weight"}, %arg23: tensor<256x256xf32> {kvc.param = "model.layers.2.self_attn.o_proj.weight"}, %arg24: tensor<704x256xf32> {kvc.param = "model.layers.2.mlp.gate_proj.weight"}, %arg25: tensor<704x256xf32> {kvc.param = "model.layers.2.mlp.up_proj.weight"}, %arg26: tensor<256x704xf32> {kvc.param = "model.layers.2.mlp.down_proj.weight"}, %arg27: tensor<256xf32> {kvc.param = "model.layers.2.input_layernorm.weight"}, %arg28: tensor<256xf32> {kvc.param = "model.layers.2.post_attention_layernorm.weight"}, %arg29: tensor<256x256xf32> {kvc.param = "model.layers.3.self_attn.q_proj.weight"}, %arg30: tensor<128x256xf32> {kvc.param = "model.layers.3.self_attn.k_proj.weight"}, %arg31: tensor<128x256xf32> {kvc.param = "model.layers.3.self_attn.v_proj.weight"}, %arg32: tensor<256x256xf32> {kvc.param = "model.layers.3.self_attn.o_proj.weight"}, %arg33: tensor<704x256xf32> {kvc.param = "model.layers.3.mlp.gate_proj.weight"}, %arg34: tensor<704x256xf32> {kvc.param = "model.layers.3.mlp.up_proj.weight"}, %arg35: tensor<256x704xf32> {kvc.param = "model.layers.3.mlp.down_proj.weight"}, %arg36: tensor<256xf32> {kvc.param = "model.layers.3.input_layernorm.weight"}, %arg37: tensor<256xf32> {kvc.param = "model.layers.3.post_attention_layernorm.weight"}, %arg38: tensor<256xf32> {kvc.param = "model.norm.weight"}, %arg39: tensor<256x256xf32> {kvc.param = "lm_head.weight"}) -> tensor<1x?x256xf32> attributes {kvc.max_positions = 2048 : i64} {
    %cst = arith.constant dense<[1.000000e+00, 0.749894201, 0.562341332, 0.421696514, 0.316227764, 0.237137362, 0.177827939, 0.133352146, 1.000000e-01, 0.0749894157, 0.0562341288, 0.0421696492, 0.0316227786, 0.0237137359, 0.0177827943, 0.0133352149, 0.00999999977, 0.00749894232, 0.00562341325, 0.00421696482, 0.00316227786, 0.00237137382, 0.00177827943, 0.00133352145, 1.000000e-03, 7.49894185E-4, 5.62341302E-4, 4.21696488E-4, 3.16227786E-4, 2.37137385E-4, 1.7782794E-4, 1.3335215E-4]> : tensor<32xf32>
    %c2_i64 = arith.constant 2 : i64
    %c0_i64 = arith.constant 0 : i64
    %c1 = arith.constant 1 : index
    %cst_0 = arith.constant 0.000000e+00 : f32
    %cst_1 = arith.constant 0xFF800000 : f32
    %cst_2 = arith.constant 1.000000e+00 : f32
    %cst_3 = arith.constant 1.000000e-05 : f64
    %cst_4 = arith.constant 2.560000e+02 : f32
    %cst_5 = arith.constant 1.250000e-01 : f32
    %cst_6 = arith.constant dense<0.000000e+00> : tensor<f32>
    %cst_7 = arith.constant dense<-3.40282347E+38> : tensor<f32>
    %dim = tensor.dim %arg0, %c1 : tensor<1x?xi64>
    %0 = tensor.empty(%dim) : tensor<?xi64>
    %1 = linalg.generic {indexing_maps = [#map], iterator_types = ["parallel"]} outs(%0 : tensor<?xi64>) {
    ^bb0(%out: i64):
      %233 = linalg.index 0 : index
      %234 = arith.index_cast %233 : index to i64
      linalg.yield %234 : i64
    } -> tensor<?xi64>
    %expanded = tensor.expand_shape %1 [[0, 1, 2, 3]] output_shape [1, 1, %dim, 1] : tensor<?xi64> into tensor<1x1x?x1xi64>
    %expanded_8 = tensor.expand_shape %1 [[0, 1, 2, 3]] output_shape [1, 1, 1, %dim] : tensor<?xi64> into tensor<1x1x1x?xi64>
    %2 = tensor.empty(%dim, %dim) : tensor<1x1x?x?xi1>
    %3 = linalg.generic {indexing_maps = [#map1, #map2, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded_8, %expanded : tensor<1x1x1x?xi64>, tensor<1x1x?x1xi64>) outs(%2 : tensor<1x1x?x?xi1>) {
    ^bb0(%in: i64, %in_160: i64, %out: i1):
      %233 = arith.cmpi sle, %in, %in_160 : i64
      linalg.yield %233 : i1
    } -> tensor<1x1x?x?xi1>
    %4 = tensor.empty(%dim, %dim) : tensor<1x1x?x?xf32>
    %5 = linalg.generic {indexing_maps = [#map3, #map4, #map4, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%3, %cst_6, %cst_7 : tensor<1x1x?x?xi1>, tensor<f32>, tensor<f32>) outs(%4 : tensor<1x1x?x?xf32>) {
    ^bb0(%in: i1, %in_160: f32, %in_161: f32, %out: f32):
      %233 = arith.select %in, %in_160, %in_161 : f32
      linalg.yield %233 : f32
    } -> tensor<1x1x?x?xf32>
    %6 = tensor.empty(%dim) : tensor<1x?x256xf32>
    %7 = linalg.generic {indexing_maps = [#map5, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%arg0 : tensor<1x?xi64>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: i64, %out: f32):
      %233 = arith.index_cast %in : i64 to index
      %234 = linalg.index 2 : index
      %extracted = tensor.extract %arg1[%233, %234] : tensor<256x256xf32>
      linalg.yield %extracted : f32
    } -> tensor<1x?x256xf32>
    %expanded_9 = tensor.expand_shape %1 [[0, 1, 2]] output_shape [1, %dim, 1] : tensor<?xi64> into tensor<1x?x1xi64>
    %8 = tensor.empty(%dim) : tensor<1x?x1xf32>
    %9 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_9 : tensor<1x?x1xi64>) outs(%8 : tensor<1x?x1xf32>) {
    ^bb0(%in: i64, %out: f32):
      %233 = arith.sitofp %in : i64 to f32
      linalg.yield %233 : f32
    } -> tensor<1x?x1xf32>
    %10 = tensor.empty(%dim) : tensor<1x?x32xf32>
    %11 = linalg.generic {indexing_maps = [#map7, #map8, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%9, %cst : tensor<1x?x1xf32>, tensor<32xf32>) outs(%10 : tensor<1x?x32xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x32xf32>
    %concat = tensor.concat dim(2) %11, %11 : (tensor<1x?x32xf32>, tensor<1x?x32xf32>) -> tensor<1x?x64xf32>
    %12 = tensor.empty(%dim) : tensor<1x?x64xf32>
    %13 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%concat : tensor<1x?x64xf32>) outs(%12 : tensor<1x?x64xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = math.cos %in : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x64xf32>
    %14 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%concat : tensor<1x?x64xf32>) outs(%12 : tensor<1x?x64xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = math.sin %in : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x64xf32>
    %15 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%7 : tensor<1x?x256xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = math.fpowi %in, %c2_i64 : f32, i64
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %16 = linalg.fill ins(%cst_0 : f32) outs(%8 : tensor<1x?x1xf32>) -> tensor<1x?x1xf32>
    %17 = linalg.generic {indexing_maps = [#map6, #map7], iterator_types = ["parallel", "parallel", "reduction"]} ins(%15 : tensor<1x?x256xf32>) outs(%16 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.addf %in, %out : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x1xf32>
    %18 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%17 : tensor<1x?x1xf32>) outs(%8 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.divf %in, %cst_4 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x1xf32>
    %19 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%18 : tensor<1x?x1xf32>) outs(%8 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.truncf %cst_3 : f64 to f32
      %234 = arith.addf %in, %233 : f32
      linalg.yield %234 : f32
    } -> tensor<1x?x1xf32>
    %20 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%19 : tensor<1x?x1xf32>) outs(%8 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = math.rsqrt %in : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x1xf32>
    %21 = linalg.generic {indexing_maps = [#map6, #map7, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%7, %20 : tensor<1x?x256xf32>, tensor<1x?x1xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %22 = linalg.generic {indexing_maps = [#map8, #map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%arg9, %21 : tensor<256xf32>, tensor<1x?x256xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %collapsed = tensor.collapse_shape %22 [[0, 1], [2]] : tensor<1x?x256xf32> into tensor<?x256xf32>
    %23 = tensor.empty() : tensor<256x256xf32>
    %transposed = linalg.transpose ins(%arg2 : tensor<256x256xf32>) outs(%23 : tensor<256x256xf32>) permutation = [1, 0] 
    %24 = tensor.empty(%dim) : tensor<?x256xf32>
    %25 = linalg.fill ins(%cst_0 : f32) outs(%24 : tensor<?x256xf32>) -> tensor<?x256xf32>
    %26 = linalg.matmul ins(%collapsed, %transposed : tensor<?x256xf32>, tensor<256x256xf32>) outs(%25 : tensor<?x256xf32>) -> tensor<?x256xf32>
    %expanded_10 = tensor.expand_shape %26 [[0, 1], [2, 3]] output_shape [1, %dim, 4, 64] : tensor<?x256xf32> into tensor<1x?x4x64xf32>
    %27 = tensor.empty(%dim) : tensor<1x4x?x64xf32>
    %transposed_11 = linalg.transpose ins(%expanded_10 : tensor<1x?x4x64xf32>) outs(%27 : tensor<1x4x?x64xf32>) permutation = [0, 2, 1, 3] 
    %28 = tensor.empty() : tensor<256x128xf32>
    %transposed_12 = linalg.transpose ins(%arg3 : tensor<128x256xf32>) outs(%28 : tensor<256x128xf32>) permutation = [1, 0] 
    %29 = tensor.empty(%dim) : tensor<?x128xf32>
    %30 = linalg.fill ins(%cst_0 : f32) outs(%29 : tensor<?x128xf32>) -> tensor<?x128xf32>
    %31 = linalg.matmul ins(%collapsed, %transposed_12 : tensor<?x256xf32>, tensor<256x128xf32>) outs(%30 : tensor<?x128xf32>) -> tensor<?x128xf32>
    %expanded_13 = tensor.expand_shape %31 [[0, 1], [2, 3]] output_shape [1, %dim, 2, 64] : tensor<?x128xf32> into tensor<1x?x2x64xf32>
    %32 = tensor.empty(%dim) : tensor<1x2x?x64xf32>
    %transposed_14 = linalg.transpose ins(%expanded_13 : tensor<1x?x2x64xf32>) outs(%32 : tensor<1x2x?x64xf32>) permutation = [0, 2, 1, 3] 
    %transposed_15 = linalg.transpose ins(%arg4 : tensor<128x256xf32>) outs(%28 : tensor<256x128xf32>) permutation = [1, 0] 
    %33 = linalg.matmul ins(%collapsed, %transposed_15 : tensor<?x256xf32>, tensor<256x128xf32>) outs(%30 : tensor<?x128xf32>) -> tensor<?x128xf32>
    %expanded_16 = tensor.expand_shape %33 [[0, 1], [2, 3]] output_shape [1, %dim, 2, 64] : tensor<?x128xf32> into tensor<1x?x2x64xf32>
    %transposed_17 = linalg.transpose ins(%expanded_16 : tensor<1x?x2x64xf32>) outs(%32 : tensor<1x2x?x64xf32>) permutation = [0, 2, 1, 3] 
    %expanded_18 = tensor.expand_shape %13 [[0], [1, 2], [3]] output_shape [1, 1, %dim, 64] : tensor<1x?x64xf32> into tensor<1x1x?x64xf32>
    %expanded_19 = tensor.expand_shape %14 [[0], [1, 2], [3]] output_shape [1, 1, %dim, 64] : tensor<1x?x64xf32> into tensor<1x1x?x64xf32>
    %34 = linalg.generic {indexing_maps = [#map3, #map9, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%transposed_11, %expanded_18 : tensor<1x4x?x64xf32>, tensor<1x1x?x64xf32>) outs(%27 : tensor<1x4x?x64xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x64xf32>
    %extracted_slice = tensor.extract_slice %transposed_11[0, 0, 0, 0] [1, 4, %dim, 32] [1, 1, 1, 1] : tensor<1x4x?x64xf32> to tensor<1x4x?x32xf32>
    %extracted_slice_20 = tensor.extract_slice %transposed_11[0, 0, 0, 32] [1, 4, %dim, 32] [1, 1, 1, 1] : tensor<1x4x?x64xf32> to tensor<1x4x?x32xf32>
    %35 = tensor.empty(%dim) : tensor<1x4x?x32xf32>
    %36 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%extracted_slice_20 : tensor<1x4x?x32xf32>) outs(%35 : tensor<1x4x?x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.negf %in : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x32xf32>
    %concat_21 = tensor.concat dim(3) %36, %extracted_slice : (tensor<1x4x?x32xf32>, tensor<1x4x?x32xf32>) -> tensor<1x4x?x64xf32>
    %37 = linalg.generic {indexing_maps = [#map3, #map9, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%concat_21, %expanded_19 : tensor<1x4x?x64xf32>, tensor<1x1x?x64xf32>) outs(%27 : tensor<1x4x?x64xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x64xf32>
    %38 = linalg.generic {indexing_maps = [#map3, #map3, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%34, %37 : tensor<1x4x?x64xf32>, tensor<1x4x?x64xf32>) outs(%27 : tensor<1x4x?x64xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.addf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x64xf32>
    %39 = linalg.generic {indexing_maps = [#map3, #map9, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%transposed_14, %expanded_18 : tensor<1x2x?x64xf32>, tensor<1x1x?x64xf32>) outs(%32 : tensor<1x2x?x64xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x2x?x64xf32>
    %extracted_slice_22 = tensor.extract_slice %transposed_14[0, 0, 0, 0] [1, 2, %dim, 32] [1, 1, 1, 1] : tensor<1x2x?x64xf32> to tensor<1x2x?x32xf32>
    %extracted_slice_23 = tensor.extract_slice %transposed_14[0, 0, 0, 32] [1, 2, %dim, 32] [1, 1, 1, 1] : tensor<1x2x?x64xf32> to tensor<1x2x?x32xf32>
    %40 = tensor.empty(%dim) : tensor<1x2x?x32xf32>
    %41 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%extracted_slice_23 : tensor<1x2x?x32xf32>) outs(%40 : tensor<1x2x?x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.negf %in : f32
      linalg.yield %233 : f32
    } -> tensor<1x2x?x32xf32>
    %concat_24 = tensor.concat dim(3) %41, %extracted_slice_22 : (tensor<1x2x?x32xf32>, tensor<1x2x?x32xf32>) -> tensor<1x2x?x64xf32>
    %42 = linalg.generic {indexing_maps = [#map3, #map9, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%concat_24, %expanded_19 : tensor<1x2x?x64xf32>, tensor<1x1x?x64xf32>) outs(%32 : tensor<1x2x?x64xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x2x?x64xf32>
    %43 = linalg.generic {indexing_maps = [#map3, #map3, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%39, %42 : tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>) outs(%32 : tensor<1x2x?x64xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.addf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x2x?x64xf32>
    %44 = tensor.empty(%dim) : tensor<1x2x2x?x64xf32>
    %45 = linalg.generic {indexing_maps = [#map10, #map11], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%43 : tensor<1x2x?x64xf32>) outs(%44 : tensor<1x2x2x?x64xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<1x2x2x?x64xf32>
    %collapsed_25 = tensor.collapse_shape %45 [[0], [1, 2], [3], [4]] : tensor<1x2x2x?x64xf32> into tensor<1x4x?x64xf32>
    %46 = linalg.generic {indexing_maps = [#map10, #map11], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%transposed_17 : tensor<1x2x?x64xf32>) outs(%44 : tensor<1x2x2x?x64xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<1x2x2x?x64xf32>
    %47 = tensor.empty(%dim) : tensor<1x4x64x?xf32>
    %transposed_26 = linalg.transpose ins(%collapsed_25 : tensor<1x4x?x64xf32>) outs(%47 : tensor<1x4x64x?xf32>) permutation = [0, 1, 3, 2] 
    %collapsed_27 = tensor.collapse_shape %38 [[0, 1], [2], [3]] : tensor<1x4x?x64xf32> into tensor<4x?x64xf32>
    %collapsed_28 = tensor.collapse_shape %transposed_26 [[0, 1], [2], [3]] : tensor<1x4x64x?xf32> into tensor<4x64x?xf32>
    %48 = tensor.empty(%dim, %dim) : tensor<4x?x?xf32>
    %49 = linalg.fill ins(%cst_0 : f32) outs(%48 : tensor<4x?x?xf32>) -> tensor<4x?x?xf32>
    %50 = linalg.batch_matmul ins(%collapsed_27, %collapsed_28 : tensor<4x?x64xf32>, tensor<4x64x?xf32>) outs(%49 : tensor<4x?x?xf32>) -> tensor<4x?x?xf32>
    %expanded_29 = tensor.expand_shape %50 [[0, 1], [2], [3]] output_shape [1, 4, %dim, %dim] : tensor<4x?x?xf32> into tensor<1x4x?x?xf32>
    %51 = tensor.empty(%dim, %dim) : tensor<1x4x?x?xf32>
    %52 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded_29 : tensor<1x4x?x?xf32>) outs(%51 : tensor<1x4x?x?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.mulf %in, %cst_5 : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x?xf32>
    %53 = linalg.generic {indexing_maps = [#map3, #map9, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%52, %5 : tensor<1x4x?x?xf32>, tensor<1x1x?x?xf32>) outs(%51 : tensor<1x4x?x?xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.addf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x?xf32>
    %54 = tensor.empty(%dim) : tensor<1x4x?xi64>
    %55 = linalg.fill ins(%c0_i64 : i64) outs(%54 : tensor<1x4x?xi64>) -> tensor<1x4x?xi64>
    %56 = tensor.empty(%dim) : tensor<1x4x?xf32>
    %57 = linalg.fill ins(%cst_1 : f32) outs(%56 : tensor<1x4x?xf32>) -> tensor<1x4x?xf32>
    %58:2 = linalg.generic {indexing_maps = [#map3, #map12, #map12], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%53 : tensor<1x4x?x?xf32>) outs(%57, %55 : tensor<1x4x?xf32>, tensor<1x4x?xi64>) {
    ^bb0(%in: f32, %out: f32, %out_160: i64):
      %233 = linalg.index 3 : index
      %234 = arith.index_cast %233 : index to i64
      %235 = arith.maximumf %in, %out : f32
      %236 = arith.cmpf ogt, %in, %out : f32
      %237 = arith.select %236, %234, %out_160 : i64
      linalg.yield %235, %237 : f32, i64
    } -> (tensor<1x4x?xf32>, tensor<1x4x?xi64>)
    %expanded_30 = tensor.expand_shape %58#0 [[0], [1], [2, 3]] output_shape [1, 4, %dim, 1] : tensor<1x4x?xf32> into tensor<1x4x?x1xf32>
    %59 = linalg.generic {indexing_maps = [#map3, #map2, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%53, %expanded_30 : tensor<1x4x?x?xf32>, tensor<1x4x?x1xf32>) outs(%51 : tensor<1x4x?x?xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.subf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x?xf32>
    %60 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%59 : tensor<1x4x?x?xf32>) outs(%51 : tensor<1x4x?x?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = math.exp %in : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x?xf32>
    %61 = tensor.empty(%dim) : tensor<1x4x?x1xf32>
    %62 = linalg.fill ins(%cst_0 : f32) outs(%61 : tensor<1x4x?x1xf32>) -> tensor<1x4x?x1xf32>
    %63 = linalg.generic {indexing_maps = [#map3, #map2], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%60 : tensor<1x4x?x?xf32>) outs(%62 : tensor<1x4x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.addf %in, %out : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x1xf32>
    %64 = linalg.generic {indexing_maps = [#map3, #map2, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%60, %63 : tensor<1x4x?x?xf32>, tensor<1x4x?x1xf32>) outs(%51 : tensor<1x4x?x?xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.divf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x?xf32>
    %collapsed_31 = tensor.collapse_shape %64 [[0, 1], [2], [3]] : tensor<1x4x?x?xf32> into tensor<4x?x?xf32>
    %collapsed_32 = tensor.collapse_shape %46 [[0, 1, 2], [3], [4]] : tensor<1x2x2x?x64xf32> into tensor<4x?x64xf32>
    %65 = tensor.empty(%dim) : tensor<4x?x64xf32>
    %66 = linalg.fill ins(%cst_0 : f32) outs(%65 : tensor<4x?x64xf32>) -> tensor<4x?x64xf32>
    %67 = linalg.batch_matmul ins(%collapsed_31, %collapsed_32 : tensor<4x?x?xf32>, tensor<4x?x64xf32>) outs(%66 : tensor<4x?x64xf32>) -> tensor<4x?x64xf32>
    %expanded_33 = tensor.expand_shape %67 [[0, 1], [2], [3]] output_shape [1, 4, %dim, 64] : tensor<4x?x64xf32> into tensor<1x4x?x64xf32>
    %68 = tensor.empty(%dim) : tensor<1x?x4x64xf32>
    %transposed_34 = linalg.transpose ins(%expanded_33 : tensor<1x4x?x64xf32>) outs(%68 : tensor<1x?x4x64xf32>) permutation = [0, 2, 1, 3] 
    %collapsed_35 = tensor.collapse_shape %transposed_34 [[0, 1], [2, 3]] : tensor<1x?x4x64xf32> into tensor<?x256xf32>
    %transposed_36 = linalg.transpose ins(%arg5 : tensor<256x256xf32>) outs(%23 : tensor<256x256xf32>) permutation = [1, 0] 
    %69 = linalg.matmul ins(%collapsed_35, %transposed_36 : tensor<?x256xf32>, tensor<256x256xf32>) outs(%25 : tensor<?x256xf32>) -> tensor<?x256xf32>
    %expanded_37 = tensor.expand_shape %69 [[0, 1], [2]] output_shape [1, %dim, 256] : tensor<?x256xf32> into tensor<1x?x256xf32>
    %70 = linalg.generic {indexing_maps = [#map6, #map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%7, %expanded_37 : tensor<1x?x256xf32>, tensor<1x?x256xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.addf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %71 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%70 : tensor<1x?x256xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = math.fpowi %in, %c2_i64 : f32, i64
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %72 = linalg.generic {indexing_maps = [#map6, #map7], iterator_types = ["parallel", "parallel", "reduction"]} ins(%71 : tensor<1x?x256xf32>) outs(%16 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.addf %in, %out : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x1xf32>
    %73 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%72 : tensor<1x?x1xf32>) outs(%8 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.divf %in, %cst_4 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x1xf32>
    %74 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%73 : tensor<1x?x1xf32>) outs(%8 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.truncf %cst_3 : f64 to f32
      %234 = arith.addf %in, %233 : f32
      linalg.yield %234 : f32
    } -> tensor<1x?x1xf32>
    %75 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%74 : tensor<1x?x1xf32>) outs(%8 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = math.rsqrt %in : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x1xf32>
    %76 = linalg.generic {indexing_maps = [#map6, #map7, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%70, %75 : tensor<1x?x256xf32>, tensor<1x?x1xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %77 = linalg.generic {indexing_maps = [#map8, #map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%arg10, %76 : tensor<256xf32>, tensor<1x?x256xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %collapsed_38 = tensor.collapse_shape %77 [[0, 1], [2]] : tensor<1x?x256xf32> into tensor<?x256xf32>
    %78 = tensor.empty() : tensor<256x704xf32>
    %transposed_39 = linalg.transpose ins(%arg6 : tensor<704x256xf32>) outs(%78 : tensor<256x704xf32>) permutation = [1, 0] 
    %79 = tensor.empty(%dim) : tensor<?x704xf32>
    %80 = linalg.fill ins(%cst_0 : f32) outs(%79 : tensor<?x704xf32>) -> tensor<?x704xf32>
    %81 = linalg.matmul ins(%collapsed_38, %transposed_39 : tensor<?x256xf32>, tensor<256x704xf32>) outs(%80 : tensor<?x704xf32>) -> tensor<?x704xf32>
    %expanded_40 = tensor.expand_shape %81 [[0, 1], [2]] output_shape [1, %dim, 704] : tensor<?x704xf32> into tensor<1x?x704xf32>
    %82 = tensor.empty(%dim) : tensor<1x?x704xf32>
    %83 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_40 : tensor<1x?x704xf32>) outs(%82 : tensor<1x?x704xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.negf %in : f32
      %234 = math.exp %233 : f32
      %235 = arith.addf %234, %cst_2 : f32
      %236 = arith.divf %cst_2, %235 : f32
      linalg.yield %236 : f32
    } -> tensor<1x?x704xf32>
    %84 = linalg.generic {indexing_maps = [#map6, #map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_40, %83 : tensor<1x?x704xf32>, tensor<1x?x704xf32>) outs(%82 : tensor<1x?x704xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x704xf32>
    %transposed_41 = linalg.transpose ins(%arg7 : tensor<704x256xf32>) outs(%78 : tensor<256x704xf32>) permutation = [1, 0] 
    %85 = linalg.matmul ins(%collapsed_38, %transposed_41 : tensor<?x256xf32>, tensor<256x704xf32>) outs(%80 : tensor<?x704xf32>) -> tensor<?x704xf32>
    %expanded_42 = tensor.expand_shape %85 [[0, 1], [2]] output_shape [1, %dim, 704] : tensor<?x704xf32> into tensor<1x?x704xf32>
    %86 = linalg.generic {indexing_maps = [#map6, #map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%84, %expanded_42 : tensor<1x?x704xf32>, tensor<1x?x704xf32>) outs(%82 : tensor<1x?x704xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x704xf32>
    %collapsed_43 = tensor.collapse_shape %86 [[0, 1], [2]] : tensor<1x?x704xf32> into tensor<?x704xf32>
    %87 = tensor.empty() : tensor<704x256xf32>
    %transposed_44 = linalg.transpose ins(%arg8 : tensor<256x704xf32>) outs(%87 : tensor<704x256xf32>) permutation = [1, 0] 
    %88 = linalg.matmul ins(%collapsed_43, %transposed_44 : tensor<?x704xf32>, tensor<704x256xf32>) outs(%25 : tensor<?x256xf32>) -> tensor<?x256xf32>
    %expanded_45 = tensor.expand_shape %88 [[0, 1], [2]] output_shape [1, %dim, 256] : tensor<?x256xf32> into tensor<1x?x256xf32>
    %89 = linalg.generic {indexing_maps = [#map6, #map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%70, %expanded_45 : tensor<1x?x256xf32>, tensor<1x?x256xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.addf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %90 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%89 : tensor<1x?x256xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = math.fpowi %in, %c2_i64 : f32, i64
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %91 = linalg.generic {indexing_maps = [#map6, #map7], iterator_types = ["parallel", "parallel", "reduction"]} ins(%90 : tensor<1x?x256xf32>) outs(%16 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.addf %in, %out : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x1xf32>
    %92 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%91 : tensor<1x?x1xf32>) outs(%8 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.divf %in, %cst_4 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x1xf32>
    %93 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%92 : tensor<1x?x1xf32>) outs(%8 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.truncf %cst_3 : f64 to f32
      %234 = arith.addf %in, %233 : f32
      linalg.yield %234 : f32
    } -> tensor<1x?x1xf32>
    %94 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%93 : tensor<1x?x1xf32>) outs(%8 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = math.rsqrt %in : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x1xf32>
    %95 = linalg.generic {indexing_maps = [#map6, #map7, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%89, %94 : tensor<1x?x256xf32>, tensor<1x?x1xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %96 = linalg.generic {indexing_maps = [#map8, #map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%arg18, %95 : tensor<256xf32>, tensor<1x?x256xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %collapsed_46 = tensor.collapse_shape %96 [[0, 1], [2]] : tensor<1x?x256xf32> into tensor<?x256xf32>
    %transposed_47 = linalg.transpose ins(%arg11 : tensor<256x256xf32>) outs(%23 : tensor<256x256xf32>) permutation = [1, 0] 
    %97 = linalg.matmul ins(%collapsed_46, %transposed_47 : tensor<?x256xf32>, tensor<256x256xf32>) outs(%25 : tensor<?x256xf32>) -> tensor<?x256xf32>
    %expanded_48 = tensor.expand_shape %97 [[0, 1], [2, 3]] output_shape [1, %dim, 4, 64] : tensor<?x256xf32> into tensor<1x?x4x64xf32>
    %transposed_49 = linalg.transpose ins(%expanded_48 : tensor<1x?x4x64xf32>) outs(%27 : tensor<1x4x?x64xf32>) permutation = [0, 2, 1, 3] 
    %transposed_50 = linalg.transpose ins(%arg12 : tensor<128x256xf32>) outs(%28 : tensor<256x128xf32>) permutation = [1, 0] 
    %98 = linalg.matmul ins(%collapsed_46, %transposed_50 : tensor<?x256xf32>, tensor<256x128xf32>) outs(%30 : tensor<?x128xf32>) -> tensor<?x128xf32>
    %expanded_51 = tensor.expand_shape %98 [[0, 1], [2, 3]] output_shape [1, %dim, 2, 64] : tensor<?x128xf32> into tensor<1x?x2x64xf32>
    %transposed_52 = linalg.transpose ins(%expanded_51 : tensor<1x?x2x64xf32>) outs(%32 : tensor<1x2x?x64xf32>) permutation = [0, 2, 1, 3] 
    %transposed_53 = linalg.transpose ins(%arg13 : tensor<128x256xf32>) outs(%28 : tensor<256x128xf32>) permutation = [1, 0] 
    %99 = linalg.matmul ins(%collapsed_46, %transposed_53 : tensor<?x256xf32>, tensor<256x128xf32>) outs(%30 : tensor<?x128xf32>) -> tensor<?x128xf32>
    %expanded_54 = tensor.expand_shape %99 [[0, 1], [2, 3]] output_shape [1, %dim, 2, 64] : tensor<?x128xf32> into tensor<1x?x2x64xf32>
    %transposed_55 = linalg.transpose ins(%expanded_54 : tensor<1x?x2x64xf32>) outs(%32 : tensor<1x2x?x64xf32>) permutation = [0, 2, 1, 3] 
    %100 = linalg.generic {indexing_maps = [#map3, #map9, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%transposed_49, %expanded_18 : tensor<1x4x?x64xf32>, tensor<1x1x?x64xf32>) outs(%27 : tensor<1x4x?x64xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x64xf32>
    %extracted_slice_56 = tensor.extract_slice %transposed_49[0, 0, 0, 0] [1, 4, %dim, 32] [1, 1, 1, 1] : tensor<1x4x?x64xf32> to tensor<1x4x?x32xf32>
    %extracted_slice_57 = tensor.extract_slice %transposed_49[0, 0, 0, 32] [1, 4, %dim, 32] [1, 1, 1, 1] : tensor<1x4x?x64xf32> to tensor<1x4x?x32xf32>
    %101 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%extracted_slice_57 : tensor<1x4x?x32xf32>) outs(%35 : tensor<1x4x?x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.negf %in : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x32xf32>
    %concat_58 = tensor.concat dim(3) %101, %extracted_slice_56 : (tensor<1x4x?x32xf32>, tensor<1x4x?x32xf32>) -> tensor<1x4x?x64xf32>
    %102 = linalg.generic {indexing_maps = [#map3, #map9, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%concat_58, %expanded_19 : tensor<1x4x?x64xf32>, tensor<1x1x?x64xf32>) outs(%27 : tensor<1x4x?x64xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x64xf32>
    %103 = linalg.generic {indexing_maps = [#map3, #map3, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%100, %102 : tensor<1x4x?x64xf32>, tensor<1x4x?x64xf32>) outs(%27 : tensor<1x4x?x64xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.addf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x64xf32>
    %104 = linalg.generic {indexing_maps = [#map3, #map9, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%transposed_52, %expanded_18 : tensor<1x2x?x64xf32>, tensor<1x1x?x64xf32>) outs(%32 : tensor<1x2x?x64xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x2x?x64xf32>
    %extracted_slice_59 = tensor.extract_slice %transposed_52[0, 0, 0, 0] [1, 2, %dim, 32] [1, 1, 1, 1] : tensor<1x2x?x64xf32> to tensor<1x2x?x32xf32>
    %extracted_slice_60 = tensor.extract_slice %transposed_52[0, 0, 0, 32] [1, 2, %dim, 32] [1, 1, 1, 1] : tensor<1x2x?x64xf32> to tensor<1x2x?x32xf32>
    %105 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%extracted_slice_60 : tensor<1x2x?x32xf32>) outs(%40 : tensor<1x2x?x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.negf %in : f32
      linalg.yield %233 : f32
    } -> tensor<1x2x?x32xf32>
    %concat_61 = tensor.concat dim(3) %105, %extracted_slice_59 : (tensor<1x2x?x32xf32>, tensor<1x2x?x32xf32>) -> tensor<1x2x?x64xf32>
    %106 = linalg.generic {indexing_maps = [#map3, #map9, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%concat_61, %expanded_19 : tensor<1x2x?x64xf32>, tensor<1x1x?x64xf32>) outs(%32 : tensor<1x2x?x64xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x2x?x64xf32>
    %107 = linalg.generic {indexing_maps = [#map3, #map3, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%104, %106 : tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>) outs(%32 : tensor<1x2x?x64xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.addf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x2x?x64xf32>
    %108 = linalg.generic {indexing_maps = [#map10, #map11], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%107 : tensor<1x2x?x64xf32>) outs(%44 : tensor<1x2x2x?x64xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<1x2x2x?x64xf32>
    %collapsed_62 = tensor.collapse_shape %108 [[0], [1, 2], [3], [4]] : tensor<1x2x2x?x64xf32> into tensor<1x4x?x64xf32>
    %109 = linalg.generic {indexing_maps = [#map10, #map11], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%transposed_55 : tensor<1x2x?x64xf32>) outs(%44 : tensor<1x2x2x?x64xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<1x2x2x?x64xf32>
    %transposed_63 = linalg.transpose ins(%collapsed_62 : tensor<1x4x?x64xf32>) outs(%47 : tensor<1x4x64x?xf32>) permutation = [0, 1, 3, 2] 
    %collapsed_64 = tensor.collapse_shape %103 [[0, 1], [2], [3]] : tensor<1x4x?x64xf32> into tensor<4x?x64xf32>
    %collapsed_65 = tensor.collapse_shape %transposed_63 [[0, 1], [2], [3]] : tensor<1x4x64x?xf32> into tensor<4x64x?xf32>
    %110 = linalg.batch_matmul ins(%collapsed_64, %collapsed_65 : tensor<4x?x64xf32>, tensor<4x64x?xf32>) outs(%49 : tensor<4x?x?xf32>) -> tensor<4x?x?xf32>
    %expanded_66 = tensor.expand_shape %110 [[0, 1], [2], [3]] output_shape [1, 4, %dim, %dim] : tensor<4x?x?xf32> into tensor<1x4x?x?xf32>
    %111 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded_66 : tensor<1x4x?x?xf32>) outs(%51 : tensor<1x4x?x?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.mulf %in, %cst_5 : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x?xf32>
    %112 = linalg.generic {indexing_maps = [#map3, #map9, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%111, %5 : tensor<1x4x?x?xf32>, tensor<1x1x?x?xf32>) outs(%51 : tensor<1x4x?x?xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.addf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x?xf32>
    %113:2 = linalg.generic {indexing_maps = [#map3, #map12, #map12], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%112 : tensor<1x4x?x?xf32>) outs(%57, %55 : tensor<1x4x?xf32>, tensor<1x4x?xi64>) {
    ^bb0(%in: f32, %out: f32, %out_160: i64):
      %233 = linalg.index 3 : index
      %234 = arith.index_cast %233 : index to i64
      %235 = arith.maximumf %in, %out : f32
      %236 = arith.cmpf ogt, %in, %out : f32
      %237 = arith.select %236, %234, %out_160 : i64
      linalg.yield %235, %237 : f32, i64
    } -> (tensor<1x4x?xf32>, tensor<1x4x?xi64>)
    %expanded_67 = tensor.expand_shape %113#0 [[0], [1], [2, 3]] output_shape [1, 4, %dim, 1] : tensor<1x4x?xf32> into tensor<1x4x?x1xf32>
    %114 = linalg.generic {indexing_maps = [#map3, #map2, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%112, %expanded_67 : tensor<1x4x?x?xf32>, tensor<1x4x?x1xf32>) outs(%51 : tensor<1x4x?x?xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.subf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x?xf32>
    %115 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%114 : tensor<1x4x?x?xf32>) outs(%51 : tensor<1x4x?x?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = math.exp %in : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x?xf32>
    %116 = linalg.generic {indexing_maps = [#map3, #map2], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%115 : tensor<1x4x?x?xf32>) outs(%62 : tensor<1x4x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.addf %in, %out : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x1xf32>
    %117 = linalg.generic {indexing_maps = [#map3, #map2, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%115, %116 : tensor<1x4x?x?xf32>, tensor<1x4x?x1xf32>) outs(%51 : tensor<1x4x?x?xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.divf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x?xf32>
    %collapsed_68 = tensor.collapse_shape %117 [[0, 1], [2], [3]] : tensor<1x4x?x?xf32> into tensor<4x?x?xf32>
    %collapsed_69 = tensor.collapse_shape %109 [[0, 1, 2], [3], [4]] : tensor<1x2x2x?x64xf32> into tensor<4x?x64xf32>
    %118 = linalg.batch_matmul ins(%collapsed_68, %collapsed_69 : tensor<4x?x?xf32>, tensor<4x?x64xf32>) outs(%66 : tensor<4x?x64xf32>) -> tensor<4x?x64xf32>
    %expanded_70 = tensor.expand_shape %118 [[0, 1], [2], [3]] output_shape [1, 4, %dim, 64] : tensor<4x?x64xf32> into tensor<1x4x?x64xf32>
    %transposed_71 = linalg.transpose ins(%expanded_70 : tensor<1x4x?x64xf32>) outs(%68 : tensor<1x?x4x64xf32>) permutation = [0, 2, 1, 3] 
    %collapsed_72 = tensor.collapse_shape %transposed_71 [[0, 1], [2, 3]] : tensor<1x?x4x64xf32> into tensor<?x256xf32>
    %transposed_73 = linalg.transpose ins(%arg14 : tensor<256x256xf32>) outs(%23 : tensor<256x256xf32>) permutation = [1, 0] 
    %119 = linalg.matmul ins(%collapsed_72, %transposed_73 : tensor<?x256xf32>, tensor<256x256xf32>) outs(%25 : tensor<?x256xf32>) -> tensor<?x256xf32>
    %expanded_74 = tensor.expand_shape %119 [[0, 1], [2]] output_shape [1, %dim, 256] : tensor<?x256xf32> into tensor<1x?x256xf32>
    %120 = linalg.generic {indexing_maps = [#map6, #map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%89, %expanded_74 : tensor<1x?x256xf32>, tensor<1x?x256xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.addf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %121 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%120 : tensor<1x?x256xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = math.fpowi %in, %c2_i64 : f32, i64
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %122 = linalg.generic {indexing_maps = [#map6, #map7], iterator_types = ["parallel", "parallel", "reduction"]} ins(%121 : tensor<1x?x256xf32>) outs(%16 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.addf %in, %out : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x1xf32>
    %123 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%122 : tensor<1x?x1xf32>) outs(%8 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.divf %in, %cst_4 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x1xf32>
    %124 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%123 : tensor<1x?x1xf32>) outs(%8 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.truncf %cst_3 : f64 to f32
      %234 = arith.addf %in, %233 : f32
      linalg.yield %234 : f32
    } -> tensor<1x?x1xf32>
    %125 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%124 : tensor<1x?x1xf32>) outs(%8 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = math.rsqrt %in : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x1xf32>
    %126 = linalg.generic {indexing_maps = [#map6, #map7, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%120, %125 : tensor<1x?x256xf32>, tensor<1x?x1xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %127 = linalg.generic {indexing_maps = [#map8, #map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%arg19, %126 : tensor<256xf32>, tensor<1x?x256xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %collapsed_75 = tensor.collapse_shape %127 [[0, 1], [2]] : tensor<1x?x256xf32> into tensor<?x256xf32>
    %transposed_76 = linalg.transpose ins(%arg15 : tensor<704x256xf32>) outs(%78 : tensor<256x704xf32>) permutation = [1, 0] 
    %128 = linalg.matmul ins(%collapsed_75, %transposed_76 : tensor<?x256xf32>, tensor<256x704xf32>) outs(%80 : tensor<?x704xf32>) -> tensor<?x704xf32>
    %expanded_77 = tensor.expand_shape %128 [[0, 1], [2]] output_shape [1, %dim, 704] : tensor<?x704xf32> into tensor<1x?x704xf32>
    %129 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_77 : tensor<1x?x704xf32>) outs(%82 : tensor<1x?x704xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.negf %in : f32
      %234 = math.exp %233 : f32
      %235 = arith.addf %234, %cst_2 : f32
      %236 = arith.divf %cst_2, %235 : f32
      linalg.yield %236 : f32
    } -> tensor<1x?x704xf32>
    %130 = linalg.generic {indexing_maps = [#map6, #map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_77, %129 : tensor<1x?x704xf32>, tensor<1x?x704xf32>) outs(%82 : tensor<1x?x704xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x704xf32>
    %transposed_78 = linalg.transpose ins(%arg16 : tensor<704x256xf32>) outs(%78 : tensor<256x704xf32>) permutation = [1, 0] 
    %131 = linalg.matmul ins(%collapsed_75, %transposed_78 : tensor<?x256xf32>, tensor<256x704xf32>) outs(%80 : tensor<?x704xf32>) -> tensor<?x704xf32>
    %expanded_79 = tensor.expand_shape %131 [[0, 1], [2]] output_shape [1, %dim, 704] : tensor<?x704xf32> into tensor<1x?x704xf32>
    %132 = linalg.generic {indexing_maps = [#map6, #map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%130, %expanded_79 : tensor<1x?x704xf32>, tensor<1x?x704xf32>) outs(%82 : tensor<1x?x704xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x704xf32>
    %collapsed_80 = tensor.collapse_shape %132 [[0, 1], [2]] : tensor<1x?x704xf32> into tensor<?x704xf32>
    %transposed_81 = linalg.transpose ins(%arg17 : tensor<256x704xf32>) outs(%87 : tensor<704x256xf32>) permutation = [1, 0] 
    %133 = linalg.matmul ins(%collapsed_80, %transposed_81 : tensor<?x704xf32>, tensor<704x256xf32>) outs(%25 : tensor<?x256xf32>) -> tensor<?x256xf32>
    %expanded_82 = tensor.expand_shape %133 [[0, 1], [2]] output_shape [1, %dim, 256] : tensor<?x256xf32> into tensor<1x?x256xf32>
    %134 = linalg.generic {indexing_maps = [#map6, #map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%120, %expanded_82 : tensor<1x?x256xf32>, tensor<1x?x256xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.addf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %135 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%134 : tensor<1x?x256xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = math.fpowi %in, %c2_i64 : f32, i64
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %136 = linalg.generic {indexing_maps = [#map6, #map7], iterator_types = ["parallel", "parallel", "reduction"]} ins(%135 : tensor<1x?x256xf32>) outs(%16 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.addf %in, %out : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x1xf32>
    %137 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%136 : tensor<1x?x1xf32>) outs(%8 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.divf %in, %cst_4 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x1xf32>
    %138 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%137 : tensor<1x?x1xf32>) outs(%8 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.truncf %cst_3 : f64 to f32
      %234 = arith.addf %in, %233 : f32
      linalg.yield %234 : f32
    } -> tensor<1x?x1xf32>
    %139 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%138 : tensor<1x?x1xf32>) outs(%8 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = math.rsqrt %in : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x1xf32>
    %140 = linalg.generic {indexing_maps = [#map6, #map7, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%134, %139 : tensor<1x?x256xf32>, tensor<1x?x1xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %141 = linalg.generic {indexing_maps = [#map8, #map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%arg27, %140 : tensor<256xf32>, tensor<1x?x256xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %collapsed_83 = tensor.collapse_shape %141 [[0, 1], [2]] : tensor<1x?x256xf32> into tensor<?x256xf32>
    %transposed_84 = linalg.transpose ins(%arg20 : tensor<256x256xf32>) outs(%23 : tensor<256x256xf32>) permutation = [1, 0] 
    %142 = linalg.matmul ins(%collapsed_83, %transposed_84 : tensor<?x256xf32>, tensor<256x256xf32>) outs(%25 : tensor<?x256xf32>) -> tensor<?x256xf32>
    %expanded_85 = tensor.expand_shape %142 [[0, 1], [2, 3]] output_shape [1, %dim, 4, 64] : tensor<?x256xf32> into tensor<1x?x4x64xf32>
    %transposed_86 = linalg.transpose ins(%expanded_85 : tensor<1x?x4x64xf32>) outs(%27 : tensor<1x4x?x64xf32>) permutation = [0, 2, 1, 3] 
    %transposed_87 = linalg.transpose ins(%arg21 : tensor<128x256xf32>) outs(%28 : tensor<256x128xf32>) permutation = [1, 0] 
    %143 = linalg.matmul ins(%collapsed_83, %transposed_87 : tensor<?x256xf32>, tensor<256x128xf32>) outs(%30 : tensor<?x128xf32>) -> tensor<?x128xf32>
    %expanded_88 = tensor.expand_shape %143 [[0, 1], [2, 3]] output_shape [1, %dim, 2, 64] : tensor<?x128xf32> into tensor<1x?x2x64xf32>
    %transposed_89 = linalg.transpose ins(%expanded_88 : tensor<1x?x2x64xf32>) outs(%32 : tensor<1x2x?x64xf32>) permutation = [0, 2, 1, 3] 
    %transposed_90 = linalg.transpose ins(%arg22 : tensor<128x256xf32>) outs(%28 : tensor<256x128xf32>) permutation = [1, 0] 
    %144 = linalg.matmul ins(%collapsed_83, %transposed_90 : tensor<?x256xf32>, tensor<256x128xf32>) outs(%30 : tensor<?x128xf32>) -> tensor<?x128xf32>
    %expanded_91 = tensor.expand_shape %144 [[0, 1], [2, 3]] output_shape [1, %dim, 2, 64] : tensor<?x128xf32> into tensor<1x?x2x64xf32>
    %transposed_92 = linalg.transpose ins(%expanded_91 : tensor<1x?x2x64xf32>) outs(%32 : tensor<1x2x?x64xf32>) permutation = [0, 2, 1, 3] 
    %145 = linalg.generic {indexing_maps = [#map3, #map9, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%transposed_86, %expanded_18 : tensor<1x4x?x64xf32>, tensor<1x1x?x64xf32>) outs(%27 : tensor<1x4x?x64xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x64xf32>
    %extracted_slice_93 = tensor.extract_slice %transposed_86[0, 0, 0, 0] [1, 4, %dim, 32] [1, 1, 1, 1] : tensor<1x4x?x64xf32> to tensor<1x4x?x32xf32>
    %extracted_slice_94 = tensor.extract_slice %transposed_86[0, 0, 0, 32] [1, 4, %dim, 32] [1, 1, 1, 1] : tensor<1x4x?x64xf32> to tensor<1x4x?x32xf32>
    %146 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%extracted_slice_94 : tensor<1x4x?x32xf32>) outs(%35 : tensor<1x4x?x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.negf %in : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x32xf32>
    %concat_95 = tensor.concat dim(3) %146, %extracted_slice_93 : (tensor<1x4x?x32xf32>, tensor<1x4x?x32xf32>) -> tensor<1x4x?x64xf32>
    %147 = linalg.generic {indexing_maps = [#map3, #map9, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%concat_95, %expanded_19 : tensor<1x4x?x64xf32>, tensor<1x1x?x64xf32>) outs(%27 : tensor<1x4x?x64xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x64xf32>
    %148 = linalg.generic {indexing_maps = [#map3, #map3, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%145, %147 : tensor<1x4x?x64xf32>, tensor<1x4x?x64xf32>) outs(%27 : tensor<1x4x?x64xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.addf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x64xf32>
    %149 = linalg.generic {indexing_maps = [#map3, #map9, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%transposed_89, %expanded_18 : tensor<1x2x?x64xf32>, tensor<1x1x?x64xf32>) outs(%32 : tensor<1x2x?x64xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x2x?x64xf32>
    %extracted_slice_96 = tensor.extract_slice %transposed_89[0, 0, 0, 0] [1, 2, %dim, 32] [1, 1, 1, 1] : tensor<1x2x?x64xf32> to tensor<1x2x?x32xf32>
    %extracted_slice_97 = tensor.extract_slice %transposed_89[0, 0, 0, 32] [1, 2, %dim, 32] [1, 1, 1, 1] : tensor<1x2x?x64xf32> to tensor<1x2x?x32xf32>
    %150 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%extracted_slice_97 : tensor<1x2x?x32xf32>) outs(%40 : tensor<1x2x?x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.negf %in : f32
      linalg.yield %233 : f32
    } -> tensor<1x2x?x32xf32>
    %concat_98 = tensor.concat dim(3) %150, %extracted_slice_96 : (tensor<1x2x?x32xf32>, tensor<1x2x?x32xf32>) -> tensor<1x2x?x64xf32>
    %151 = linalg.generic {indexing_maps = [#map3, #map9, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%concat_98, %expanded_19 : tensor<1x2x?x64xf32>, tensor<1x1x?x64xf32>) outs(%32 : tensor<1x2x?x64xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x2x?x64xf32>
    %152 = linalg.generic {indexing_maps = [#map3, #map3, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%149, %151 : tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>) outs(%32 : tensor<1x2x?x64xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.addf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x2x?x64xf32>
    %153 = linalg.generic {indexing_maps = [#map10, #map11], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%152 : tensor<1x2x?x64xf32>) outs(%44 : tensor<1x2x2x?x64xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<1x2x2x?x64xf32>
    %collapsed_99 = tensor.collapse_shape %153 [[0], [1, 2], [3], [4]] : tensor<1x2x2x?x64xf32> into tensor<1x4x?x64xf32>
    %154 = linalg.generic {indexing_maps = [#map10, #map11], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%transposed_92 : tensor<1x2x?x64xf32>) outs(%44 : tensor<1x2x2x?x64xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<1x2x2x?x64xf32>
    %transposed_100 = linalg.transpose ins(%collapsed_99 : tensor<1x4x?x64xf32>) outs(%47 : tensor<1x4x64x?xf32>) permutation = [0, 1, 3, 2] 
    %collapsed_101 = tensor.collapse_shape %148 [[0, 1], [2], [3]] : tensor<1x4x?x64xf32> into tensor<4x?x64xf32>
    %collapsed_102 = tensor.collapse_shape %transposed_100 [[0, 1], [2], [3]] : tensor<1x4x64x?xf32> into tensor<4x64x?xf32>
    %155 = linalg.batch_matmul ins(%collapsed_101, %collapsed_102 : tensor<4x?x64xf32>, tensor<4x64x?xf32>) outs(%49 : tensor<4x?x?xf32>) -> tensor<4x?x?xf32>
    %expanded_103 = tensor.expand_shape %155 [[0, 1], [2], [3]] output_shape [1, 4, %dim, %dim] : tensor<4x?x?xf32> into tensor<1x4x?x?xf32>
    %156 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded_103 : tensor<1x4x?x?xf32>) outs(%51 : tensor<1x4x?x?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.mulf %in, %cst_5 : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x?xf32>
    %157 = linalg.generic {indexing_maps = [#map3, #map9, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%156, %5 : tensor<1x4x?x?xf32>, tensor<1x1x?x?xf32>) outs(%51 : tensor<1x4x?x?xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.addf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x?xf32>
    %158:2 = linalg.generic {indexing_maps = [#map3, #map12, #map12], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%157 : tensor<1x4x?x?xf32>) outs(%57, %55 : tensor<1x4x?xf32>, tensor<1x4x?xi64>) {
    ^bb0(%in: f32, %out: f32, %out_160: i64):
      %233 = linalg.index 3 : index
      %234 = arith.index_cast %233 : index to i64
      %235 = arith.maximumf %in, %out : f32
      %236 = arith.cmpf ogt, %in, %out : f32
      %237 = arith.select %236, %234, %out_160 : i64
      linalg.yield %235, %237 : f32, i64
    } -> (tensor<1x4x?xf32>, tensor<1x4x?xi64>)
    %expanded_104 = tensor.expand_shape %158#0 [[0], [1], [2, 3]] output_shape [1, 4, %dim, 1] : tensor<1x4x?xf32> into tensor<1x4x?x1xf32>
    %159 = linalg.generic {indexing_maps = [#map3, #map2, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%157, %expanded_104 : tensor<1x4x?x?xf32>, tensor<1x4x?x1xf32>) outs(%51 : tensor<1x4x?x?xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.subf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x?xf32>
    %160 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%159 : tensor<1x4x?x?xf32>) outs(%51 : tensor<1x4x?x?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = math.exp %in : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x?xf32>
    %161 = linalg.generic {indexing_maps = [#map3, #map2], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%160 : tensor<1x4x?x?xf32>) outs(%62 : tensor<1x4x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.addf %in, %out : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x1xf32>
    %162 = linalg.generic {indexing_maps = [#map3, #map2, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%160, %161 : tensor<1x4x?x?xf32>, tensor<1x4x?x1xf32>) outs(%51 : tensor<1x4x?x?xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.divf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x?xf32>
    %collapsed_105 = tensor.collapse_shape %162 [[0, 1], [2], [3]] : tensor<1x4x?x?xf32> into tensor<4x?x?xf32>
    %collapsed_106 = tensor.collapse_shape %154 [[0, 1, 2], [3], [4]] : tensor<1x2x2x?x64xf32> into tensor<4x?x64xf32>
    %163 = linalg.batch_matmul ins(%collapsed_105, %collapsed_106 : tensor<4x?x?xf32>, tensor<4x?x64xf32>) outs(%66 : tensor<4x?x64xf32>) -> tensor<4x?x64xf32>
    %expanded_107 = tensor.expand_shape %163 [[0, 1], [2], [3]] output_shape [1, 4, %dim, 64] : tensor<4x?x64xf32> into tensor<1x4x?x64xf32>
    %transposed_108 = linalg.transpose ins(%expanded_107 : tensor<1x4x?x64xf32>) outs(%68 : tensor<1x?x4x64xf32>) permutation = [0, 2, 1, 3] 
    %collapsed_109 = tensor.collapse_shape %transposed_108 [[0, 1], [2, 3]] : tensor<1x?x4x64xf32> into tensor<?x256xf32>
    %transposed_110 = linalg.transpose ins(%arg23 : tensor<256x256xf32>) outs(%23 : tensor<256x256xf32>) permutation = [1, 0] 
    %164 = linalg.matmul ins(%collapsed_109, %transposed_110 : tensor<?x256xf32>, tensor<256x256xf32>) outs(%25 : tensor<?x256xf32>) -> tensor<?x256xf32>
    %expanded_111 = tensor.expand_shape %164 [[0, 1], [2]] output_shape [1, %dim, 256] : tensor<?x256xf32> into tensor<1x?x256xf32>
    %165 = linalg.generic {indexing_maps = [#map6, #map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%134, %expanded_111 : tensor<1x?x256xf32>, tensor<1x?x256xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.addf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %166 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%165 : tensor<1x?x256xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = math.fpowi %in, %c2_i64 : f32, i64
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %167 = linalg.generic {indexing_maps = [#map6, #map7], iterator_types = ["parallel", "parallel", "reduction"]} ins(%166 : tensor<1x?x256xf32>) outs(%16 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.addf %in, %out : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x1xf32>
    %168 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%167 : tensor<1x?x1xf32>) outs(%8 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.divf %in, %cst_4 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x1xf32>
    %169 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%168 : tensor<1x?x1xf32>) outs(%8 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.truncf %cst_3 : f64 to f32
      %234 = arith.addf %in, %233 : f32
      linalg.yield %234 : f32
    } -> tensor<1x?x1xf32>
    %170 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%169 : tensor<1x?x1xf32>) outs(%8 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = math.rsqrt %in : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x1xf32>
    %171 = linalg.generic {indexing_maps = [#map6, #map7, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%165, %170 : tensor<1x?x256xf32>, tensor<1x?x1xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %172 = linalg.generic {indexing_maps = [#map8, #map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%arg28, %171 : tensor<256xf32>, tensor<1x?x256xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %collapsed_112 = tensor.collapse_shape %172 [[0, 1], [2]] : tensor<1x?x256xf32> into tensor<?x256xf32>
    %transposed_113 = linalg.transpose ins(%arg24 : tensor<704x256xf32>) outs(%78 : tensor<256x704xf32>) permutation = [1, 0] 
    %173 = linalg.matmul ins(%collapsed_112, %transposed_113 : tensor<?x256xf32>, tensor<256x704xf32>) outs(%80 : tensor<?x704xf32>) -> tensor<?x704xf32>
    %expanded_114 = tensor.expand_shape %173 [[0, 1], [2]] output_shape [1, %dim, 704] : tensor<?x704xf32> into tensor<1x?x704xf32>
    %174 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_114 : tensor<1x?x704xf32>) outs(%82 : tensor<1x?x704xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.negf %in : f32
      %234 = math.exp %233 : f32
      %235 = arith.addf %234, %cst_2 : f32
      %236 = arith.divf %cst_2, %235 : f32
      linalg.yield %236 : f32
    } -> tensor<1x?x704xf32>
    %175 = linalg.generic {indexing_maps = [#map6, #map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_114, %174 : tensor<1x?x704xf32>, tensor<1x?x704xf32>) outs(%82 : tensor<1x?x704xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x704xf32>
    %transposed_115 = linalg.transpose ins(%arg25 : tensor<704x256xf32>) outs(%78 : tensor<256x704xf32>) permutation = [1, 0] 
    %176 = linalg.matmul ins(%collapsed_112, %transposed_115 : tensor<?x256xf32>, tensor<256x704xf32>) outs(%80 : tensor<?x704xf32>) -> tensor<?x704xf32>
    %expanded_116 = tensor.expand_shape %176 [[0, 1], [2]] output_shape [1, %dim, 704] : tensor<?x704xf32> into tensor<1x?x704xf32>
    %177 = linalg.generic {indexing_maps = [#map6, #map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%175, %expanded_116 : tensor<1x?x704xf32>, tensor<1x?x704xf32>) outs(%82 : tensor<1x?x704xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x704xf32>
    %collapsed_117 = tensor.collapse_shape %177 [[0, 1], [2]] : tensor<1x?x704xf32> into tensor<?x704xf32>
    %transposed_118 = linalg.transpose ins(%arg26 : tensor<256x704xf32>) outs(%87 : tensor<704x256xf32>) permutation = [1, 0] 
    %178 = linalg.matmul ins(%collapsed_117, %transposed_118 : tensor<?x704xf32>, tensor<704x256xf32>) outs(%25 : tensor<?x256xf32>) -> tensor<?x256xf32>
    %expanded_119 = tensor.expand_shape %178 [[0, 1], [2]] output_shape [1, %dim, 256] : tensor<?x256xf32> into tensor<1x?x256xf32>
    %179 = linalg.generic {indexing_maps = [#map6, #map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%165, %expanded_119 : tensor<1x?x256xf32>, tensor<1x?x256xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.addf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %180 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%179 : tensor<1x?x256xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = math.fpowi %in, %c2_i64 : f32, i64
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %181 = linalg.generic {indexing_maps = [#map6, #map7], iterator_types = ["parallel", "parallel", "reduction"]} ins(%180 : tensor<1x?x256xf32>) outs(%16 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.addf %in, %out : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x1xf32>
    %182 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%181 : tensor<1x?x1xf32>) outs(%8 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.divf %in, %cst_4 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x1xf32>
    %183 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%182 : tensor<1x?x1xf32>) outs(%8 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.truncf %cst_3 : f64 to f32
      %234 = arith.addf %in, %233 : f32
      linalg.yield %234 : f32
    } -> tensor<1x?x1xf32>
    %184 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%183 : tensor<1x?x1xf32>) outs(%8 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = math.rsqrt %in : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x1xf32>
    %185 = linalg.generic {indexing_maps = [#map6, #map7, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%179, %184 : tensor<1x?x256xf32>, tensor<1x?x1xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %186 = linalg.generic {indexing_maps = [#map8, #map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%arg36, %185 : tensor<256xf32>, tensor<1x?x256xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %collapsed_120 = tensor.collapse_shape %186 [[0, 1], [2]] : tensor<1x?x256xf32> into tensor<?x256xf32>
    %transposed_121 = linalg.transpose ins(%arg29 : tensor<256x256xf32>) outs(%23 : tensor<256x256xf32>) permutation = [1, 0] 
    %187 = linalg.matmul ins(%collapsed_120, %transposed_121 : tensor<?x256xf32>, tensor<256x256xf32>) outs(%25 : tensor<?x256xf32>) -> tensor<?x256xf32>
    %expanded_122 = tensor.expand_shape %187 [[0, 1], [2, 3]] output_shape [1, %dim, 4, 64] : tensor<?x256xf32> into tensor<1x?x4x64xf32>
    %transposed_123 = linalg.transpose ins(%expanded_122 : tensor<1x?x4x64xf32>) outs(%27 : tensor<1x4x?x64xf32>) permutation = [0, 2, 1, 3] 
    %transposed_124 = linalg.transpose ins(%arg30 : tensor<128x256xf32>) outs(%28 : tensor<256x128xf32>) permutation = [1, 0] 
    %188 = linalg.matmul ins(%collapsed_120, %transposed_124 : tensor<?x256xf32>, tensor<256x128xf32>) outs(%30 : tensor<?x128xf32>) -> tensor<?x128xf32>
    %expanded_125 = tensor.expand_shape %188 [[0, 1], [2, 3]] output_shape [1, %dim, 2, 64] : tensor<?x128xf32> into tensor<1x?x2x64xf32>
    %transposed_126 = linalg.transpose ins(%expanded_125 : tensor<1x?x2x64xf32>) outs(%32 : tensor<1x2x?x64xf32>) permutation = [0, 2, 1, 3] 
    %transposed_127 = linalg.transpose ins(%arg31 : tensor<128x256xf32>) outs(%28 : tensor<256x128xf32>) permutation = [1, 0] 
    %189 = linalg.matmul ins(%collapsed_120, %transposed_127 : tensor<?x256xf32>, tensor<256x128xf32>) outs(%30 : tensor<?x128xf32>) -> tensor<?x128xf32>
    %expanded_128 = tensor.expand_shape %189 [[0, 1], [2, 3]] output_shape [1, %dim, 2, 64] : tensor<?x128xf32> into tensor<1x?x2x64xf32>
    %transposed_129 = linalg.transpose ins(%expanded_128 : tensor<1x?x2x64xf32>) outs(%32 : tensor<1x2x?x64xf32>) permutation = [0, 2, 1, 3] 
    %190 = linalg.generic {indexing_maps = [#map3, #map9, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%transposed_123, %expanded_18 : tensor<1x4x?x64xf32>, tensor<1x1x?x64xf32>) outs(%27 : tensor<1x4x?x64xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x64xf32>
    %extracted_slice_130 = tensor.extract_slice %transposed_123[0, 0, 0, 0] [1, 4, %dim, 32] [1, 1, 1, 1] : tensor<1x4x?x64xf32> to tensor<1x4x?x32xf32>
    %extracted_slice_131 = tensor.extract_slice %transposed_123[0, 0, 0, 32] [1, 4, %dim, 32] [1, 1, 1, 1] : tensor<1x4x?x64xf32> to tensor<1x4x?x32xf32>
    %191 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%extracted_slice_131 : tensor<1x4x?x32xf32>) outs(%35 : tensor<1x4x?x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.negf %in : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x32xf32>
    %concat_132 = tensor.concat dim(3) %191, %extracted_slice_130 : (tensor<1x4x?x32xf32>, tensor<1x4x?x32xf32>) -> tensor<1x4x?x64xf32>
    %192 = linalg.generic {indexing_maps = [#map3, #map9, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%concat_132, %expanded_19 : tensor<1x4x?x64xf32>, tensor<1x1x?x64xf32>) outs(%27 : tensor<1x4x?x64xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x64xf32>
    %193 = linalg.generic {indexing_maps = [#map3, #map3, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%190, %192 : tensor<1x4x?x64xf32>, tensor<1x4x?x64xf32>) outs(%27 : tensor<1x4x?x64xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.addf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x64xf32>
    %194 = linalg.generic {indexing_maps = [#map3, #map9, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%transposed_126, %expanded_18 : tensor<1x2x?x64xf32>, tensor<1x1x?x64xf32>) outs(%32 : tensor<1x2x?x64xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x2x?x64xf32>
    %extracted_slice_133 = tensor.extract_slice %transposed_126[0, 0, 0, 0] [1, 2, %dim, 32] [1, 1, 1, 1] : tensor<1x2x?x64xf32> to tensor<1x2x?x32xf32>
    %extracted_slice_134 = tensor.extract_slice %transposed_126[0, 0, 0, 32] [1, 2, %dim, 32] [1, 1, 1, 1] : tensor<1x2x?x64xf32> to tensor<1x2x?x32xf32>
    %195 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%extracted_slice_134 : tensor<1x2x?x32xf32>) outs(%40 : tensor<1x2x?x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.negf %in : f32
      linalg.yield %233 : f32
    } -> tensor<1x2x?x32xf32>
    %concat_135 = tensor.concat dim(3) %195, %extracted_slice_133 : (tensor<1x2x?x32xf32>, tensor<1x2x?x32xf32>) -> tensor<1x2x?x64xf32>
    %196 = linalg.generic {indexing_maps = [#map3, #map9, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%concat_135, %expanded_19 : tensor<1x2x?x64xf32>, tensor<1x1x?x64xf32>) outs(%32 : tensor<1x2x?x64xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x2x?x64xf32>
    %197 = linalg.generic {indexing_maps = [#map3, #map3, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%194, %196 : tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>) outs(%32 : tensor<1x2x?x64xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.addf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x2x?x64xf32>
    %198 = linalg.generic {indexing_maps = [#map10, #map11], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%197 : tensor<1x2x?x64xf32>) outs(%44 : tensor<1x2x2x?x64xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<1x2x2x?x64xf32>
    %collapsed_136 = tensor.collapse_shape %198 [[0], [1, 2], [3], [4]] : tensor<1x2x2x?x64xf32> into tensor<1x4x?x64xf32>
    %199 = linalg.generic {indexing_maps = [#map10, #map11], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%transposed_129 : tensor<1x2x?x64xf32>) outs(%44 : tensor<1x2x2x?x64xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<1x2x2x?x64xf32>
    %transposed_137 = linalg.transpose ins(%collapsed_136 : tensor<1x4x?x64xf32>) outs(%47 : tensor<1x4x64x?xf32>) permutation = [0, 1, 3, 2] 
    %collapsed_138 = tensor.collapse_shape %193 [[0, 1], [2], [3]] : tensor<1x4x?x64xf32> into tensor<4x?x64xf32>
    %collapsed_139 = tensor.collapse_shape %transposed_137 [[0, 1], [2], [3]] : tensor<1x4x64x?xf32> into tensor<4x64x?xf32>
    %200 = linalg.batch_matmul ins(%collapsed_138, %collapsed_139 : tensor<4x?x64xf32>, tensor<4x64x?xf32>) outs(%49 : tensor<4x?x?xf32>) -> tensor<4x?x?xf32>
    %expanded_140 = tensor.expand_shape %200 [[0, 1], [2], [3]] output_shape [1, 4, %dim, %dim] : tensor<4x?x?xf32> into tensor<1x4x?x?xf32>
    %201 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded_140 : tensor<1x4x?x?xf32>) outs(%51 : tensor<1x4x?x?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.mulf %in, %cst_5 : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x?xf32>
    %202 = linalg.generic {indexing_maps = [#map3, #map9, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%201, %5 : tensor<1x4x?x?xf32>, tensor<1x1x?x?xf32>) outs(%51 : tensor<1x4x?x?xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.addf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x?xf32>
    %203:2 = linalg.generic {indexing_maps = [#map3, #map12, #map12], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%202 : tensor<1x4x?x?xf32>) outs(%57, %55 : tensor<1x4x?xf32>, tensor<1x4x?xi64>) {
    ^bb0(%in: f32, %out: f32, %out_160: i64):
      %233 = linalg.index 3 : index
      %234 = arith.index_cast %233 : index to i64
      %235 = arith.maximumf %in, %out : f32
      %236 = arith.cmpf ogt, %in, %out : f32
      %237 = arith.select %236, %234, %out_160 : i64
      linalg.yield %235, %237 : f32, i64
    } -> (tensor<1x4x?xf32>, tensor<1x4x?xi64>)
    %expanded_141 = tensor.expand_shape %203#0 [[0], [1], [2, 3]] output_shape [1, 4, %dim, 1] : tensor<1x4x?xf32> into tensor<1x4x?x1xf32>
    %204 = linalg.generic {indexing_maps = [#map3, #map2, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%202, %expanded_141 : tensor<1x4x?x?xf32>, tensor<1x4x?x1xf32>) outs(%51 : tensor<1x4x?x?xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.subf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x?xf32>
    %205 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%204 : tensor<1x4x?x?xf32>) outs(%51 : tensor<1x4x?x?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = math.exp %in : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x?xf32>
    %206 = linalg.generic {indexing_maps = [#map3, #map2], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%205 : tensor<1x4x?x?xf32>) outs(%62 : tensor<1x4x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.addf %in, %out : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x1xf32>
    %207 = linalg.generic {indexing_maps = [#map3, #map2, #map3], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%205, %206 : tensor<1x4x?x?xf32>, tensor<1x4x?x1xf32>) outs(%51 : tensor<1x4x?x?xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.divf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x4x?x?xf32>
    %collapsed_142 = tensor.collapse_shape %207 [[0, 1], [2], [3]] : tensor<1x4x?x?xf32> into tensor<4x?x?xf32>
    %collapsed_143 = tensor.collapse_shape %199 [[0, 1, 2], [3], [4]] : tensor<1x2x2x?x64xf32> into tensor<4x?x64xf32>
    %208 = linalg.batch_matmul ins(%collapsed_142, %collapsed_143 : tensor<4x?x?xf32>, tensor<4x?x64xf32>) outs(%66 : tensor<4x?x64xf32>) -> tensor<4x?x64xf32>
    %expanded_144 = tensor.expand_shape %208 [[0, 1], [2], [3]] output_shape [1, 4, %dim, 64] : tensor<4x?x64xf32> into tensor<1x4x?x64xf32>
    %transposed_145 = linalg.transpose ins(%expanded_144 : tensor<1x4x?x64xf32>) outs(%68 : tensor<1x?x4x64xf32>) permutation = [0, 2, 1, 3] 
    %collapsed_146 = tensor.collapse_shape %transposed_145 [[0, 1], [2, 3]] : tensor<1x?x4x64xf32> into tensor<?x256xf32>
    %transposed_147 = linalg.transpose ins(%arg32 : tensor<256x256xf32>) outs(%23 : tensor<256x256xf32>) permutation = [1, 0] 
    %209 = linalg.matmul ins(%collapsed_146, %transposed_147 : tensor<?x256xf32>, tensor<256x256xf32>) outs(%25 : tensor<?x256xf32>) -> tensor<?x256xf32>
    %expanded_148 = tensor.expand_shape %209 [[0, 1], [2]] output_shape [1, %dim, 256] : tensor<?x256xf32> into tensor<1x?x256xf32>
    %210 = linalg.generic {indexing_maps = [#map6, #map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%179, %expanded_148 : tensor<1x?x256xf32>, tensor<1x?x256xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.addf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %211 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%210 : tensor<1x?x256xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = math.fpowi %in, %c2_i64 : f32, i64
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %212 = linalg.generic {indexing_maps = [#map6, #map7], iterator_types = ["parallel", "parallel", "reduction"]} ins(%211 : tensor<1x?x256xf32>) outs(%16 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.addf %in, %out : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x1xf32>
    %213 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%212 : tensor<1x?x1xf32>) outs(%8 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.divf %in, %cst_4 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x1xf32>
    %214 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%213 : tensor<1x?x1xf32>) outs(%8 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.truncf %cst_3 : f64 to f32
      %234 = arith.addf %in, %233 : f32
      linalg.yield %234 : f32
    } -> tensor<1x?x1xf32>
    %215 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%214 : tensor<1x?x1xf32>) outs(%8 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = math.rsqrt %in : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x1xf32>
    %216 = linalg.generic {indexing_maps = [#map6, #map7, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%210, %215 : tensor<1x?x256xf32>, tensor<1x?x1xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %217 = linalg.generic {indexing_maps = [#map8, #map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%arg37, %216 : tensor<256xf32>, tensor<1x?x256xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %collapsed_149 = tensor.collapse_shape %217 [[0, 1], [2]] : tensor<1x?x256xf32> into tensor<?x256xf32>
    %transposed_150 = linalg.transpose ins(%arg33 : tensor<704x256xf32>) outs(%78 : tensor<256x704xf32>) permutation = [1, 0] 
    %218 = linalg.matmul ins(%collapsed_149, %transposed_150 : tensor<?x256xf32>, tensor<256x704xf32>) outs(%80 : tensor<?x704xf32>) -> tensor<?x704xf32>
    %expanded_151 = tensor.expand_shape %218 [[0, 1], [2]] output_shape [1, %dim, 704] : tensor<?x704xf32> into tensor<1x?x704xf32>
    %219 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_151 : tensor<1x?x704xf32>) outs(%82 : tensor<1x?x704xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.negf %in : f32
      %234 = math.exp %233 : f32
      %235 = arith.addf %234, %cst_2 : f32
      %236 = arith.divf %cst_2, %235 : f32
      linalg.yield %236 : f32
    } -> tensor<1x?x704xf32>
    %220 = linalg.generic {indexing_maps = [#map6, #map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_151, %219 : tensor<1x?x704xf32>, tensor<1x?x704xf32>) outs(%82 : tensor<1x?x704xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x704xf32>
    %transposed_152 = linalg.transpose ins(%arg34 : tensor<704x256xf32>) outs(%78 : tensor<256x704xf32>) permutation = [1, 0] 
    %221 = linalg.matmul ins(%collapsed_149, %transposed_152 : tensor<?x256xf32>, tensor<256x704xf32>) outs(%80 : tensor<?x704xf32>) -> tensor<?x704xf32>
    %expanded_153 = tensor.expand_shape %221 [[0, 1], [2]] output_shape [1, %dim, 704] : tensor<?x704xf32> into tensor<1x?x704xf32>
    %222 = linalg.generic {indexing_maps = [#map6, #map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%220, %expanded_153 : tensor<1x?x704xf32>, tensor<1x?x704xf32>) outs(%82 : tensor<1x?x704xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x704xf32>
    %collapsed_154 = tensor.collapse_shape %222 [[0, 1], [2]] : tensor<1x?x704xf32> into tensor<?x704xf32>
    %transposed_155 = linalg.transpose ins(%arg35 : tensor<256x704xf32>) outs(%87 : tensor<704x256xf32>) permutation = [1, 0] 
    %223 = linalg.matmul ins(%collapsed_154, %transposed_155 : tensor<?x704xf32>, tensor<704x256xf32>) outs(%25 : tensor<?x256xf32>) -> tensor<?x256xf32>
    %expanded_156 = tensor.expand_shape %223 [[0, 1], [2]] output_shape [1, %dim, 256] : tensor<?x256xf32> into tensor<1x?x256xf32>
    %224 = linalg.generic {indexing_maps = [#map6, #map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%210, %expanded_156 : tensor<1x?x256xf32>, tensor<1x?x256xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.addf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %225 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%224 : tensor<1x?x256xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = math.fpowi %in, %c2_i64 : f32, i64
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %226 = linalg.generic {indexing_maps = [#map6, #map7], iterator_types = ["parallel", "parallel", "reduction"]} ins(%225 : tensor<1x?x256xf32>) outs(%16 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.addf %in, %out : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x1xf32>
    %227 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%226 : tensor<1x?x1xf32>) outs(%8 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.divf %in, %cst_4 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x1xf32>
    %228 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%227 : tensor<1x?x1xf32>) outs(%8 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = arith.truncf %cst_3 : f64 to f32
      %234 = arith.addf %in, %233 : f32
      linalg.yield %234 : f32
    } -> tensor<1x?x1xf32>
    %229 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%228 : tensor<1x?x1xf32>) outs(%8 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %233 = math.rsqrt %in : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x1xf32>
    %230 = linalg.generic {indexing_maps = [#map6, #map7, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%224, %229 : tensor<1x?x256xf32>, tensor<1x?x1xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %231 = linalg.generic {indexing_maps = [#map8, #map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%arg38, %230 : tensor<256xf32>, tensor<1x?x256xf32>) outs(%6 : tensor<1x?x256xf32>) {
    ^bb0(%in: f32, %in_160: f32, %out: f32):
      %233 = arith.mulf %in, %in_160 : f32
      linalg.yield %233 : f32
    } -> tensor<1x?x256xf32>
    %collapsed_157 = tensor.collapse_shape %231 [[0, 1], [2]] : tensor<1x?x256xf32> into tensor<?x256xf32>
    %transposed_158 = linalg.transpose ins(%arg39 : tensor<256x256xf32>) outs(%23 : tensor<256x256xf32>) permutation = [1, 0] 
    %232 = linalg.matmul ins(%collapsed_157, %transposed_158 : tensor<?x256xf32>, tensor<256x256xf32>) outs(%25 : tensor<?x256xf32>) -> tensor<?x256xf32>
    %expanded_159 = tensor.expand_shape %232 [[0, 1], [2]] output_shape [1, %dim, 256] : tensor<?x256xf32> into tensor<1x?x256xf32>
    return %expanded_159 : tensor<1x?x256xf32>
  }
}

