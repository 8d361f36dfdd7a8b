//===- Probes.cpp - what a GPU can do at most, measured -------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Probes.h"

#include <algorithm>
#include <string>

namespace kvc::bundle {

// Parameters of both: { address, bytes or rounds, sink }.
static const char kPtx[] = R"ptx(.version 7.0
.target sm_80
.address_size 64

.visible .entry read_all(.param .align 8 .b8 p[24])
{
  .reg .pred %p<3>;
  .reg .b32 %r<30>;
  .reg .b64 %rd<12>;
  ld.param.u64 %rd1, [p];
  ld.param.u64 %rd2, [p+8];
  ld.param.u64 %rd3, [p+16];
  cvta.to.global.u64 %rd1, %rd1;
  cvta.to.global.u64 %rd3, %rd3;
  mov.u32 %r1, %ctaid.x;
  mov.u32 %r2, %ntid.x;
  mov.u32 %r3, %tid.x;
  mov.u32 %r4, %nctaid.x;
  mad.lo.u32 %r5, %r1, %r2, %r3;
  mul.wide.u32 %rd4, %r5, 16;
  mul.lo.u32 %r6, %r4, %r2;
  mul.wide.u32 %rd5, %r6, 16;
  mov.u32 %r7, 0;
loop:
  setp.ge.u64 %p1, %rd4, %rd2;
  @%p1 bra done;
  add.u64 %rd6, %rd1, %rd4;
  add.u64 %rd7, %rd6, %rd5;
  add.u64 %rd8, %rd7, %rd5;
  add.u64 %rd9, %rd8, %rd5;
  ld.global.nc.v4.u32 {%r10, %r11, %r12, %r13}, [%rd6];
  ld.global.nc.v4.u32 {%r14, %r15, %r16, %r17}, [%rd7];
  ld.global.nc.v4.u32 {%r18, %r19, %r20, %r21}, [%rd8];
  ld.global.nc.v4.u32 {%r22, %r23, %r24, %r25}, [%rd9];
  xor.b32 %r7, %r7, %r10;
  xor.b32 %r7, %r7, %r11;
  xor.b32 %r7, %r7, %r12;
  xor.b32 %r7, %r7, %r13;
  xor.b32 %r7, %r7, %r14;
  xor.b32 %r7, %r7, %r15;
  xor.b32 %r7, %r7, %r16;
  xor.b32 %r7, %r7, %r17;
  xor.b32 %r7, %r7, %r18;
  xor.b32 %r7, %r7, %r19;
  xor.b32 %r7, %r7, %r20;
  xor.b32 %r7, %r7, %r21;
  xor.b32 %r7, %r7, %r22;
  xor.b32 %r7, %r7, %r23;
  xor.b32 %r7, %r7, %r24;
  xor.b32 %r7, %r7, %r25;
  shl.b64 %rd10, %rd5, 2;
  add.u64 %rd4, %rd4, %rd10;
  bra loop;
done:
  setp.ne.u32 %p2, %r7, 305419896;
  @%p2 bra quit;
  st.global.u32 [%rd3], %r7;
quit:
  ret;
}

.visible .entry multiply_all(.param .align 8 .b8 p[24])
{
  .reg .pred %p<3>;
  .reg .b32 %r<12>;
  .reg .f32 %f<40>;
  .reg .b64 %rd<4>;
  ld.param.u32 %r1, [p+8];
  ld.param.u64 %rd1, [p+16];
  cvta.to.global.u64 %rd1, %rd1;
  mov.u32 %r2, %tid.x;
  mov.u32 %r3, 1065369472;
  mov.f32 %f0, 0f00000000;
  mov.f32 %f1, %f0;
  mov.f32 %f2, %f0;
  mov.f32 %f3, %f0;
  mov.f32 %f4, %f0;
  mov.f32 %f5, %f0;
  mov.f32 %f6, %f0;
  mov.f32 %f7, %f0;
  mov.f32 %f8, %f0;
  mov.f32 %f9, %f0;
  mov.f32 %f10, %f0;
  mov.f32 %f11, %f0;
  mov.f32 %f12, %f0;
  mov.f32 %f13, %f0;
  mov.f32 %f14, %f0;
  mov.f32 %f15, %f0;
again:
  mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f0, %f1, %f2, %f3}, {%r2, %r3, %r2, %r3}, {%r3, %r2}, {%f0, %f1, %f2, %f3};
  mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f4, %f5, %f6, %f7}, {%r2, %r3, %r2, %r3}, {%r3, %r2}, {%f4, %f5, %f6, %f7};
  mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f8, %f9, %f10, %f11}, {%r2, %r3, %r2, %r3}, {%r3, %r2}, {%f8, %f9, %f10, %f11};
  mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f12, %f13, %f14, %f15}, {%r2, %r3, %r2, %r3}, {%r3, %r2}, {%f12, %f13, %f14, %f15};
  sub.u32 %r1, %r1, 1;
  setp.ne.u32 %p1, %r1, 0;
  @%p1 bra again;
  add.f32 %f20, %f0, %f5;
  add.f32 %f21, %f10, %f15;
  add.f32 %f22, %f20, %f21;
  setp.neu.f32 %p2, %f22, 0f7F7FFFFF;
  @%p2 bra quit;
  st.global.f32 [%rd1], %f22;
quit:
  ret;
}
)ptx";

const char *probePtx() { return kPtx; }

/// sm_90a: warpgroups that multiply 64 x 16 by 16 x 256 from shared memory,
/// four products a group, accumulating. Parameters as above.
std::string wgmmaPtx() {
  auto number = [](int n) { return std::to_string(n); };
  constexpr int kSums = 128; // of a thread: 64 x 256 / 128
  std::string sums;
  for (int i = 0; i < kSums; ++i)
    sums += (i ? ", %f" : "%f") + number(i);
  std::string out = R"ptx(.version 8.0
.target sm_90a
.address_size 64

.shared .align 128 .b8 tiles[10240];

.visible .entry multiply_wgmma(.param .align 8 .b8 p[24])
{
  .reg .pred %p<4>;
  .reg .b32 %r<16>;
  .reg .f32 %f<132>;
  .reg .b64 %rd<12>;
  ld.param.u32 %r1, [p+8];
  ld.param.u64 %rd1, [p+16];
  cvta.to.global.u64 %rd1, %rd1;
  mov.u32 %r2, %tid.x;
  mov.u32 %r3, tiles;
  mul.lo.u32 %r4, %r2, 4;
fill:
  mul.lo.u32 %r5, %r4, 2654435761;
  and.b32 %r5, %r5, 0x807f807f;
  or.b32 %r5, %r5, 0x3f003f00;
  add.u32 %r6, %r3, %r4;
  st.shared.b32 [%r6], %r5;
  add.u32 %r4, %r4, 512;
  setp.lt.u32 %p1, %r4, 10240;
  @%p1 bra fill;
  fence.proxy.async;
  bar.sync 0;
)ptx";
  for (int i = 0; i < kSums; ++i)
    out += "  mov.f32 %f" + number(i) + ", 0f00000000;\n";
  // Rows of 8 x 16 bytes, 128 bytes apart along k and 256 along m and n; no
  // swizzle. A is the first 2 KiB, B the next 8.
  out += R"ptx(  shr.u32 %r7, %r3, 4;
  and.b32 %r7, %r7, 0x3fff;
  cvt.u64.u32 %rd2, %r7;
  or.b64 %rd2, %rd2, 0x0000001000080000;
  add.u64 %rd3, %rd2, 128;
  setp.eq.u32 %p2, %r1, %r1;
again:
  wgmma.fence.sync.aligned;
)ptx";
  for (int i = 0; i < 4; ++i)
    out += "  wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 {" + sums +
           "}, %rd2, %rd3, %p2, 1, 1, 0, 0;\n";
  out += R"ptx(  wgmma.commit_group.sync.aligned;
  wgmma.wait_group.sync.aligned 0;
  sub.u32 %r1, %r1, 1;
  setp.ne.u32 %p1, %r1, 0;
  @%p1 bra again;
)ptx";
  for (int i = 1; i < kSums; ++i)
    out += "  add.f32 %f0, %f0, %f" + number(i) + ";\n";
  return out + R"ptx(  setp.neu.f32 %p3, %f0, 0f7F7FFFFF;
  @%p3 bra quit;
  st.global.f32 [%rd1], %f0;
quit:
  ret;
}
)ptx";
}

Times measure(const Machine &machine, int repeats,
              const std::function<void()> &enqueue) {
  kvcrt_device *device = machine.device;
  enqueue(); // loads what is launched
  require(device, kvcrt_device_synchronize(device, machine.stream),
          "first run");
  require(device, kvcrt_graph_begin(device, machine.stream), "capture");
  kvcrt_graph *graph = nullptr;
  try {
    enqueue();
  } catch (const Failure &) {
    // The stream is of use again only when its capture has ended.
    if (kvcrt_graph_end(device, machine.stream, &graph) == KVCRT_OK)
      kvcrt_graph_destroy(device, graph);
    throw;
  }
  require(device, kvcrt_graph_end(device, machine.stream, &graph), "capture");
  std::vector<void *> events;
  if (machine.onGpu())
    for (int i = 0; i <= repeats; ++i) {
      void *event = nullptr;
      require(device, kvcrt_event_create(device, &event), "event");
      events.push_back(event);
    }
  for (int warm = 0; warm < 2; ++warm)
    require(device, kvcrt_graph_launch(device, graph, machine.stream),
            "replay");
  for (int i = 0; i < repeats; ++i) {
    if (machine.onGpu())
      require(device,
              kvcrt_event_record(device, events[size_t(i)], machine.stream),
              "event");
    require(device, kvcrt_graph_launch(device, graph, machine.stream),
            "replay");
  }
  Times times;
  if (machine.onGpu()) {
    require(device, kvcrt_event_record(device, events.back(), machine.stream),
            "event");
    require(device, kvcrt_event_synchronize(device, events.back()), "replay");
    std::vector<double> seconds;
    for (int i = 0; i < repeats; ++i) {
      float milliseconds = 0;
      require(device,
              kvcrt_event_elapsed(device, events[size_t(i)],
                                  events[size_t(i) + 1], &milliseconds),
              "time");
      seconds.push_back(double(milliseconds) * 1e-3);
    }
    std::sort(seconds.begin(), seconds.end());
    times = {seconds[seconds.size() / 2], seconds[seconds.size() / 10],
             seconds[seconds.size() * 9 / 10]};
    for (void *event : events)
      (void)kvcrt_event_destroy(device, event);
  }
  kvcrt_graph_destroy(device, graph);
  return times;
}

/// Parameters of all probes, and a launch of one.
namespace {
struct Parameters {
  void *address;
  uint64_t count; // bytes, or rounds
  void *sink;
};
} // namespace

static void launch(const Machine &machine, const kvcrt_kernel &kernel,
                   uint32_t blocks, const Parameters &params) {
  const kvcrt_env env = machine.env();
  kvcrt_launch call;
  KVCRT_INIT(&call);
  call.kernel = &kernel;
  call.grid[0] = blocks;
  call.grid[1] = call.grid[2] = 1;
  call.params = &params;
  call.params_size = sizeof(params);
  require(machine.device, env.launch(env.context, &env, &call), kernel.name);
}

static kvcrt_kernel kernelOf(const char *name, uint32_t threads,
                             const kvcrt_image &image) {
  kvcrt_kernel kernel;
  KVCRT_INIT(&kernel);
  kernel.name = name;
  kernel.threads = threads;
  kernel.images = &image;
  kernel.num_images = 1;
  return kernel;
}

Limits probe(const Machine &machine) {
  Limits limits;
  if (!machine.onGpu())
    return limits;
  const kvcrt_image image = {KVCRT_IMAGE_PTX, 80, kPtx, sizeof(kPtx), "sm_80"};
  const kvcrt_kernel read = kernelOf("read_all", 256, image),
                     multiply = kernelOf("multiply_all", 256, image);
  Mirror memory(machine.device, machine.stream);
  const uint32_t blocks = uint32_t(machine.info.multiprocessors) * 8;
  // Whole rounds of all threads' four loads, many times the second cache.
  const uint64_t round = uint64_t(blocks) * 256 * 64;
  const uint64_t bytes = (1ull << 31) / round * round;
  Parameters params = {memory.scratch(bytes), bytes, memory.scratch(4)};
  limits.readBytesPerSecond =
      double(bytes) / measure(machine, 20, [&] {
                        launch(machine, read, blocks, params);
                      }).median;
  params.count = 4096;
  const double flops = double(params.count) * 4 * (2.0 * 16 * 8 * 16) *
                       (256 / 32) * double(blocks);
  limits.matrixFlopsPerSecond =
      flops / measure(machine, 20, [&] {
                launch(machine, multiply, blocks, params);
              }).median;
  require(machine.device, kvcrt_device_forget_kernels(machine.device),
          "unload");
  return limits;
}

double probeWgmma(const Machine &machine) {
  const std::string ptx = wgmmaPtx();
  const kvcrt_image image = {KVCRT_IMAGE_PTX, 90, ptx.c_str(), ptx.size() + 1,
                             "sm_90a"};
  const kvcrt_kernel kernel = kernelOf("multiply_wgmma", 128, image);
  Mirror memory(machine.device, machine.stream);
  const uint32_t blocks = uint32_t(machine.info.multiprocessors) * 2;
  const Parameters params = {nullptr, 4096, memory.scratch(4)};
  const double seconds = measure(machine, 20, [&] {
                           launch(machine, kernel, blocks, params);
                         }).median;
  require(machine.device, kvcrt_device_forget_kernels(machine.device),
          "unload");
  return double(params.count) * 4 * (2.0 * 64 * 256 * 16) * double(blocks) /
         seconds;
}

} // namespace kvc::bundle
