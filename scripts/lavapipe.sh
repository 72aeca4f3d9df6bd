#!/bin/sh
# Builds Mesa's lavapipe with lavapipe.patch: networks of the same bits in 0.6 of the time (docs/decisions/kernels-on-the-cpu.md).
# For Debian 12 and its like, as root, with Mesa 25.0 among the source packages (deb-src); 10 minutes of processor time.
# The patch counts on what WebGPU gives it: one buffer for all lanes of an access, and no vec4 that is half beyond its end.
#   scripts/lavapipe.sh /opt/lavapipe && export VK_DRIVER_FILES=/opt/lavapipe/lvp_icd.json
set -eu
patch=$(cd "$(dirname "$0")" && pwd)/lavapipe.patch
mkdir -p "${1:?expected the folder to build in}"
cd "$1"

release=$(. /etc/os-release && echo "$VERSION_CODENAME")
for package in llvm-15-dev meson ninja-build python3-mako python3-yaml python3-packaging bison flex glslang-tools \
  libdrm-dev libelf-dev libexpat1-dev libudev-dev libzstd-dev zlib1g-dev g++ dpkg-dev; do
  apt-get install -y -qq --no-install-recommends -t "$release-backports" "$package" >> apt.log
done
apt-get source -qq --download-only -t "$release-backports" mesa >> apt.log || ls mesa_25.0.*.orig.tar.xz
rm -rf source && mkdir source
tar xf mesa_25.0.*.orig.tar.xz -C source --strip-components 1
cd source
patch -p1 < "$patch"

# Mesa's scripts want the Python that Debian's packages belong to.
PATH=/usr/bin:/bin
printf "[binaries]\nllvm-config = '/usr/bin/llvm-config-15'\npython3 = '/usr/bin/python3'\n" > native.ini
meson setup build --native-file native.ini --buildtype release -Db_ndebug=true -Dvulkan-drivers=swrast \
  -Dgallium-drivers=llvmpipe -Dplatforms= -Dglx=disabled -Degl=disabled -Dgbm=disabled -Dopengl=false -Dgles1=disabled \
  -Dgles2=disabled -Dllvm=enabled -Dshared-llvm=enabled -Dvideo-codecs= -Dvulkan-layers= -Dtools= -Dvalgrind=disabled \
  -Dlibunwind=disabled -Dlmsensors=disabled -Dgallium-va=disabled -Dgallium-vdpau=disabled > ../meson.log
ninja -C build src/gallium/targets/lavapipe/libvulkan_lvp.so > ../ninja.log
cd ..
cp source/build/src/gallium/targets/lavapipe/libvulkan_lvp.so .
printf '{"file_format_version": "1.0.0", "ICD": {"api_version": "1.4.305", "library_path": "%s"}}\n' \
  "$PWD/libvulkan_lvp.so" > lvp_icd.json
