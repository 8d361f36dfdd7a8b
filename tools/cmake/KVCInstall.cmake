# cmake --install: headers, libraries, tools and a package that find_package(kvc)
# understands.
