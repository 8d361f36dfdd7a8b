//===- ProbePtx.cpp - kernels that only read or only multiply -------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Written by hand from PTX's text. Invariant: what a kernel computes depends on
// all that it read or multiplied, so that an assembler can drop nothing.
//
//===----------------------------------------------------------------------===//
#include "Probes.h"

namespace kvc::bundle {

// Parameters of all: { address, bytes or rounds, sink }.
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

std::string probePtx() { return kPtx; }

static std::string begin(const std::string &version, const std::string &chip) {
  return ".version " + version + "\n.target " + chip + "\n.address_size 64\n\n";
}

/// Begins a kernel of 128 threads whose shared memory, `tiles`, has `bytes`
/// bytes: bf16 of magnitudes in [0.5, 1). Leaves %r1 = rounds, %r2 = thread,
/// %r3 = `tiles`, %rd1 = sink; writes %r4 to %r6 and %p1 as well.
static std::string fillTiles(int bytes) {
  return R"ptx(  ld.param.u32 %r1, [p+8];
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
  setp.lt.u32 %p1, %r4, )ptx" +
         std::to_string(bytes) + R"ptx(;
  @%p1 bra fill;
)ptx";
}

/// Leaves in %rd2 and %rd3 the descriptors of A, the first `bytesOfA` of
/// `tiles`, and of B behind it; writes %r7. Groups of 8 rows x 16 bytes lie 128
/// bytes apart along k and 256 along m and n, without a swizzle; `format` is
/// what else the chip wants in a descriptor.
static std::string describeTiles(int bytesOfA, uint64_t format) {
  format |= uint64_t(128 / 16) << 16 | uint64_t(256 / 16) << 32;
  return R"ptx(  shr.u32 %r7, %r3, 4;
  and.b32 %r7, %r7, 0x3fff;
  cvt.u64.u32 %rd2, %r7;
  or.b64 %rd2, %rd2, )ptx" +
         std::to_string(format) + ";\n  add.u64 %rd3, %rd2, " +
         std::to_string(bytesOfA / 16) + ";\n";
}

/// sm_90a: warpgroups that multiply 64 x 16 by 16 x 256 from shared memory,
/// four products a group, accumulating. Parameters as above.
std::string wgmmaPtx() {
  auto number = [](int n) { return std::to_string(n); };
  constexpr int kSums = 128; // of a thread: 64 x 256 / 128
  std::string sums;
  for (int i = 0; i < kSums; ++i)
    sums += (i ? ", %f" : "%f") + number(i);
  std::string out = begin("8.0", "sm_90a") +
                    R"ptx(.shared .align 128 .b8 tiles[10240];

.visible .entry multiply_wgmma(.param .align 8 .b8 p[24])
{
  .reg .pred %p<4>;
  .reg .b32 %r<16>;
  .reg .f32 %f<132>;
  .reg .b64 %rd<12>;
)ptx" + fillTiles(10240) +
                    R"ptx(  fence.proxy.async;
  bar.sync 0;
)ptx";
  for (int i = 0; i < kSums; ++i)
    out += "  mov.f32 %f" + number(i) + ", 0f00000000;\n";
  out += describeTiles(64 * 16 * 2, 0) + R"ptx(  setp.eq.u32 %p2, %r1, %r1;
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

/// Blackwell's, of a chip such as "sm_100a": one thread of a block multiplies
/// 128 x 16 by 16 x 256 from shared memory into 256 columns of tensor memory,
/// sixteen products a group, one group behind the other. Parameters as above.
std::string tcgen05Ptx(const std::string &chip) {
  // sm_103a came with PTX 8.8.
  std::string out = begin(chip == "sm_100a" ? "8.6" : "8.8", chip) +
                    R"ptx(.shared .align 128 .b8 tiles[12288];
.shared .align 8 .b8 barriers[16];
.shared .align 4 .b8 place[4];

.visible .entry multiply_tcgen05(.param .align 8 .b8 p[24])
.reqntid 128
{
  .reg .pred %p<8>;
  .reg .b32 %r<24>;
  .reg .f32 %f<2>;
  .reg .b64 %rd<8>;
)ptx" + fillTiles(12288) +
                    R"ptx(  mov.u32 %r16, barriers;
  setp.ge.u32 %p2, %r2, 32;
  @%p2 bra ready;
  mov.u32 %r7, place;
  tcgen05.alloc.cta_group::1.sync.aligned.shared::cta.b32 [%r7], 256;
  tcgen05.relinquish_alloc_permit.cta_group::1.sync.aligned;
  setp.ne.u32 %p3, %r2, 0;
  @%p3 bra ready;
  mbarrier.init.shared::cta.b64 [%r16], 1;
  mbarrier.init.shared::cta.b64 [%r16+8], 1;
  fence.mbarrier_init.release.cluster;
ready:
  fence.proxy.async.shared::cta;
  tcgen05.fence::before_thread_sync;
  bar.sync 0;
  tcgen05.fence::after_thread_sync;
  ld.shared.b32 %r8, [place];
  setp.ne.u32 %p3, %r2, 0;
  @%p3 bra multiplied;
)ptx";
  // %r10: f32 sums, bf16 twice, N, M.
  out += describeTiles(128 * 16 * 2, uint64_t(1) << 46) +
         R"ptx(  mov.u32 %r10, 0x08400490;
  setp.ne.u32 %p4, %r1, %r1;
  setp.eq.u32 %p5, %r1, %r1;
  mov.u32 %r11, 0;
  tcgen05.mma.cta_group::1.kind::f16 [%r8], %rd2, %rd3, %r10, %p4;
again:
)ptx";
  for (int i = 0; i < 16; ++i)
    out += "  tcgen05.mma.cta_group::1.kind::f16 [%r8], %rd2, %rd3, %r10, "
           "%p5;\n";
  // Group i arrives at barrier i modulo 2; wait for group i - 1.
  return out + R"ptx(  and.b32 %r12, %r11, 1;
  mad.lo.u32 %r13, %r12, 8, %r16;
  tcgen05.commit.cta_group::1.mbarrier::arrive::one.shared::cluster.b64 [%r13];
  setp.eq.u32 %p6, %r11, 0;
  @%p6 bra next;
  sub.u32 %r14, %r11, 1;
  and.b32 %r12, %r14, 1;
  mad.lo.u32 %r13, %r12, 8, %r16;
  shr.u32 %r14, %r14, 1;
  and.b32 %r14, %r14, 1;
behind:
  mbarrier.try_wait.parity.shared::cta.b64 %p7, [%r13], %r14;
  @!%p7 bra behind;
next:
  add.u32 %r11, %r11, 1;
  setp.lt.u32 %p1, %r11, %r1;
  @%p1 bra again;
  sub.u32 %r14, %r11, 1;
  and.b32 %r12, %r14, 1;
  mad.lo.u32 %r13, %r12, 8, %r16;
  shr.u32 %r14, %r14, 1;
  and.b32 %r14, %r14, 1;
last:
  mbarrier.try_wait.parity.shared::cta.b64 %p7, [%r13], %r14;
  @!%p7 bra last;
  tcgen05.fence::before_thread_sync;
multiplied:
  bar.sync 0;
  tcgen05.fence::after_thread_sync;
  and.b32 %r15, %r2, 96;
  shl.b32 %r15, %r15, 16;
  add.u32 %r15, %r15, %r8;
  tcgen05.ld.sync.aligned.32x32b.x1.b32 {%r17}, [%r15];
  tcgen05.wait::ld.sync.aligned;
  setp.ne.u32 %p1, %r17, 0x7f7fffff;
  @%p1 bra quit;
  st.global.u32 [%rd1], %r17;
quit:
  tcgen05.fence::before_thread_sync;
  bar.sync 0;
  @%p2 bra end;
  tcgen05.fence::after_thread_sync;
  tcgen05.dealloc.cta_group::1.sync.aligned.b32 %r8, 256;
end:
  ret;
}
)ptx";
}

} // namespace kvc::bundle
