// RUN: kvc-opt %s --kvc-verify-plan --split-input-file --verify-diagnostics -o /dev/null

!cache = !kvc.cache<kv_heads = 1, head_dim = 4, f32>
!x = tensor<?x1x4xf32>

module attributes {kvc.plan = {groups = [{cache = !cache, layers = [0]}]}} {
  kvc.variant @v {cache = !cache, query_heads = 1 : i64}
  func.func @step(%x: !x, %step: !kvc.step, %c: !cache) {
    kvc.append %x, %x into %c at %step {kvc.group = 0 : i64, kvc.layer = 0 : i64, kvc.variant = @v} : !x, !x, !kvc.cache<kv_heads = 1, head_dim = 4, f32>
    return
  }
}

// -----

!cache = !kvc.cache<kv_heads = 1, head_dim = 4, f32>
!x = tensor<?x1x4xf32>
// expected-error @+1 {{expected kvc.plan with groups; run kvc-plan}}
module attributes {} {
  kvc.variant @v {cache = !cache, query_heads = 1 : i64}
  func.func @step(%x: !x, %step: !kvc.step, %c: !cache) {
    kvc.append %x, %x into %c at %step {kvc.group = 0 : i64, kvc.layer = 0 : i64, kvc.variant = @v} : !x, !x, !kvc.cache<kv_heads = 1, head_dim = 4, f32>
    return
  }
}

// -----

!cache = !kvc.cache<kv_heads = 1, head_dim = 4, f32>
!x = tensor<?x1x4xf32>

module attributes {kvc.plan = {groups = [{cache = !cache, layers = [0]}]}} {
  kvc.variant @v {cache = !cache, query_heads = 1 : i64}
  func.func @step(%x: !x, %step: !kvc.step, %c: !cache) {
    // expected-error @+1 {{expected kvc.group and kvc.layer; run kvc-plan}}
    kvc.append %x, %x into %c at %step {kvc.variant = @v} : !x, !x, !kvc.cache<kv_heads = 1, head_dim = 4, f32>
    return
  }
}

// -----

!cache = !kvc.cache<kv_heads = 1, head_dim = 4, f32>
!x = tensor<?x1x4xf32>

module attributes {kvc.plan = {groups = [{cache = !cache, layers = [0]}]}} {
  kvc.variant @v {cache = !cache, query_heads = 1 : i64}
  func.func @step(%x: !x, %step: !kvc.step, %c: !cache) {
    // expected-error @+1 {{expected kvc.group below 1, got 1}}
    kvc.append %x, %x into %c at %step {kvc.group = 1 : i64, kvc.layer = 0 : i64, kvc.variant = @v} : !x, !x, !kvc.cache<kv_heads = 1, head_dim = 4, f32>
    return
  }
}

// -----

!cache = !kvc.cache<kv_heads = 1, head_dim = 4, f32>
!x = tensor<?x1x4xf32>

module attributes {kvc.plan = {groups = [{cache = !cache, layers = [0]}]}} {
  kvc.variant @v {cache = !cache, query_heads = 1 : i64}
  func.func @step(%x: !x, %step: !kvc.step, %c: !cache) {
    // expected-error @+1 {{expected kvc.layer below 1, got 1}}
    kvc.append %x, %x into %c at %step {kvc.group = 0 : i64, kvc.layer = 1 : i64, kvc.variant = @v} : !x, !x, !kvc.cache<kv_heads = 1, head_dim = 4, f32>
    return
  }
}

// -----

!cache = !kvc.cache<kv_heads = 1, head_dim = 4, f32>
!x = tensor<?x1x4xf32>

module attributes {kvc.plan = {groups = [{cache = !cache, layers = [0]}]}} {
  kvc.variant @v {cache = !cache, query_heads = 1 : i64}
  func.func @step(%x: !x, %step: !kvc.step, %c: !cache) {
    // expected-error @+1 {{expected kvc.variant; run kvc-plan}}
    kvc.append %x, %x into %c at %step {kvc.group = 0 : i64, kvc.layer = 0 : i64} : !x, !x, !kvc.cache<kv_heads = 1, head_dim = 4, f32>
    return
  }
}

// -----

!cache = !kvc.cache<kv_heads = 1, head_dim = 4, f32>
!x = tensor<?x1x4xf32>

module attributes {kvc.plan = {groups = [{cache = !cache, layers = [0]}]}} {
  kvc.variant @v {cache = !cache, query_heads = 1 : i64}
  func.func @step(%x: !x, %step: !kvc.step, %c: !cache) {
    // expected-error @+1 {{expected @step to be a kvc.variant}}
    kvc.append %x, %x into %c at %step {kvc.group = 0 : i64, kvc.layer = 0 : i64, kvc.variant = @step} : !x, !x, !kvc.cache<kv_heads = 1, head_dim = 4, f32>
    return
  }
}

// -----

!cache = !kvc.cache<kv_heads = 1, head_dim = 4, f32>
!x = tensor<?x1x4xf32>

module attributes {kvc.plan = {groups = [{cache = !cache, layers = [0]}]}} {
  kvc.variant @v {cache = !kvc.cache<kv_heads = 1, head_dim = 4, f32, rollback = 1>, query_heads = 1 : i64}
  func.func @step(%x: !x, %step: !kvc.step, %c: !cache) {
    // expected-error @+1 {{expected a variant of cache type '!kvc.cache<kv_heads = 1, head_dim = 4, f32>', got '!kvc.cache<kv_heads = 1, head_dim = 4, f32, rollback = 1>'}}
    kvc.append %x, %x into %c at %step {kvc.group = 0 : i64, kvc.layer = 0 : i64, kvc.variant = @v} : !x, !x, !kvc.cache<kv_heads = 1, head_dim = 4, f32>
    return
  }
}

// -----

!cache = !kvc.cache<kv_heads = 1, head_dim = 4, f32>
!x = tensor<?x1x4xf32>

module attributes {kvc.plan = {groups = [{cache = !kvc.cache<kv_heads = 1, head_dim = 4, f32, rollback = 1>, layers = [0]}]}} {
  kvc.variant @v {cache = !cache, query_heads = 1 : i64}
  func.func @step(%x: !x, %step: !kvc.step, %c: !cache) {
    // expected-error @+1 {{expected a cache of group 0's type '!kvc.cache<kv_heads = 1, head_dim = 4, f32, rollback = 1>', got '!kvc.cache<kv_heads = 1, head_dim = 4, f32>'}}
    kvc.append %x, %x into %c at %step {kvc.group = 0 : i64, kvc.layer = 0 : i64, kvc.variant = @v} : !x, !x, !kvc.cache<kv_heads = 1, head_dim = 4, f32>
    return
  }
}

// -----

!cache = !kvc.cache<kv_heads = 1, head_dim = 4, f32>
!x = tensor<?x1x4xf32>

module attributes {kvc.plan = {groups = [1 : i64]}} {
  kvc.variant @v {cache = !cache, query_heads = 1 : i64}
  func.func @step(%x: !x, %step: !kvc.step, %c: !cache) {
    // expected-error @+1 {{expected group 0 of kvc.plan to have a cache and layers}}
    kvc.append %x, %x into %c at %step {kvc.group = 0 : i64, kvc.layer = 0 : i64, kvc.variant = @v} : !x, !x, !kvc.cache<kv_heads = 1, head_dim = 4, f32>
    return
  }
}
