// Somebody else's compiler over the installed dialect: it builds a cache type.
#include "kvc/Dialect/KVC/IR/KVC.h"
#include "kvc/Dialect/KVC/Transforms/Passes.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/raw_ostream.h"

int main() {
  kvc::registerKVCTransformsPasses();
  mlir::MLIRContext context;
  context.loadDialect<kvc::KVCDialect>();
  llvm::outs() << kvc::CacheType::get(8, 128, 128,
                                      mlir::BFloat16Type::get(&context), 4096)
               << "\n";
  return 0;
}
