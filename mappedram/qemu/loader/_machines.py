"""Machine types of QEMU, with the releases that have them. Made by `python -m tools.machines`.

Read by `machines.py`. From the source of the releases, for all targets, by what they register:

    9.0.0  c25df57ae8f9fe1c72eee2dab37d76d904ac382e
    9.1.0  fd1952d814da738ed107e05583b3e02ac11e88ff
    9.2.0  ae35f033b874c627d81d51070187fbf55f0bf1a7
    10.0.0  7c949c53e936aa3a658d84ab53bae5cadaa5d59c
    10.1.0  f8b2f64e2336a28bf0d50b6ef8a7d8c013e9bcf3
    10.2.0  698104725efad4b29079d857dfdebbd804e34c99
    11.0.0  98b060da3a4f92b2a994ead5b16a87e783baf77c
    11.1.0  84f07211cc5b4fc6a371559bf8a5de4fb068e648

Do not edit.
"""

#: The releases that were looked at.
RELEASES = ("9.0", "9.1", "9.2", "10.0", "10.1", "10.2", "11.0", "11.1")

#: First and last of these releases, folder of `hw` in the source of QEMU, machine types.
TABLE = """\
9.0  11.1 alpha      clipper
9.0  9.1  arm        akita borzoi cheetah connex mainstone n800 n810 spitz terrier tosa verdex z2
9.0  9.2  arm        tacoma-bmc
9.0  10.0 arm        virt-2.10 virt-2.11 virt-2.12 virt-2.6 virt-2.7 virt-2.8 virt-2.9 virt-3.0
9.0  10.0 arm        virt-3.1 virt-4.0 virt-4.1
9.0  10.1 arm        virt-4.2 xlnx-versal-virt
9.0  10.2 arm        highbank midway virt-5.0
9.0  11.0 arm        fby35 fp5280g2-bmc qcom-dc-scm-v1-bmc qcom-firework-bmc sonorapass-bmc virt-5.1
9.0  11.1 arm        ast1030-evb ast2500-evb ast2600-evb b-l475e-iot01a bletchley-bmc bpim2u
9.0  11.1 arm        canon-a1100 collie cubieboard emcraft-sf2 fby35-bmc fuji-bmc g220a-bmc
9.0  11.1 arm        imx25-pdk integratorcp kudo-bmc kzm lm3s6965evb lm3s811evb mcimx6ul-evk
9.0  11.1 arm        mcimx7d-sabre microbit mori-bmc mps2-an385 mps2-an386 mps2-an500 mps2-an505
9.0  11.1 arm        mps2-an511 mps2-an521 mps3-an524 mps3-an536 mps3-an547 musca-a musca-b1
9.0  11.1 arm        musicpal netduino2 netduinoplus2 npcm750-evb nuri olimex-stm32-h405 orangepi-pc
9.0  11.1 arm        palmetto-bmc quanta-gbs-bmc quanta-gsj quanta-q71l-bmc rainier-bmc raspi0
9.0  11.1 arm        raspi1ap raspi2b raspi3ap raspi3b raspi4b realview-eb realview-eb-mpcore
9.0  11.1 arm        realview-pb-a8 realview-pbx-a9 romulus-bmc sabrelite sbsa-ref smdkc210
9.0  11.1 arm        stm32vldiscovery supermicro-x11spi-bmc supermicrox11-bmc sx1 sx1-v1
9.0  11.1 arm        tiogapass-bmc versatileab versatilepb vexpress-a15 vexpress-a9 virt-5.2
9.0  11.1 arm        virt-6.0 virt-6.1 virt-6.2 virt-7.0 virt-7.1 virt-7.2 virt-8.0 virt-8.1
9.0  11.1 arm        virt-8.2 virt-9.0 witherspoon-bmc xenpvh xilinx-zynq-a9 xlnx-zcu102
9.0  11.1 arm        yosemitev2-bmc
9.1  9.2  arm        ast2700-evb
9.1  11.1 arm        virt-9.1
9.2  11.1 arm        virt-9.2
10.0 10.2 arm        ast2700a0-evb
10.0 11.1 arm        ast2700a1-evb imx8mp-evk npcm845-evb virt-10.0
10.1 11.1 arm        ast2700fc catalina-bmc gb200nvl-bmc max78000fthr virt-10.1
10.2 11.1 arm        amd-versal-virt amd-versal2-virt virt-10.2
11.0 11.1 arm        ast1060-evb ast2700a2-evb virt-11.0
11.1 11.1 arm        anacapa-bmc ast1040-evb imx8mm-evk virt-11.1
9.0  11.1 avr        arduino-duemilanove arduino-mega arduino-mega-2560-v3 arduino-uno
9.0  11.1 core       none
9.0  9.1  cris       axis-dev88
11.1 11.1 hexagon    V66G_1024 virt
9.0  11.1 hppa       B160L C3700
10.2 11.1 hppa       715
11.0 11.1 hppa       A400
9.0  9.0  i386       pc-i440fx-2.0 pc-i440fx-2.1 pc-i440fx-2.2 pc-i440fx-2.3
9.0  10.0 i386       pc-i440fx-2.10 pc-i440fx-2.11 pc-i440fx-2.12 pc-i440fx-2.4 pc-i440fx-2.5
9.0  10.0 i386       pc-i440fx-2.6 pc-i440fx-2.7 pc-i440fx-2.8 pc-i440fx-2.9 pc-i440fx-3.0
9.0  10.0 i386       pc-i440fx-3.1 pc-i440fx-4.0 pc-i440fx-4.1 pc-q35-2.10 pc-q35-2.11 pc-q35-2.12
9.0  10.0 i386       pc-q35-2.4 pc-q35-2.5 pc-q35-2.6 pc-q35-2.7 pc-q35-2.8 pc-q35-2.9 pc-q35-3.0
9.0  10.0 i386       pc-q35-3.1 pc-q35-4.0 pc-q35-4.0.1 pc-q35-4.1
9.0  10.1 i386       pc-i440fx-4.2 pc-q35-4.2
9.0  10.2 i386       pc-i440fx-5.0 pc-q35-5.0 xenfv-3.1
9.0  11.0 i386       pc-i440fx-5.1 pc-q35-5.1
9.0  11.1 i386       isapc microvm pc-i440fx-5.2 pc-i440fx-6.0 pc-i440fx-6.1 pc-i440fx-6.2
9.0  11.1 i386       pc-i440fx-7.0 pc-i440fx-7.1 pc-i440fx-7.2 pc-i440fx-8.0 pc-i440fx-8.1
9.0  11.1 i386       pc-i440fx-8.2 pc-i440fx-9.0 pc-q35-5.2 pc-q35-6.0 pc-q35-6.1 pc-q35-6.2
9.0  11.1 i386       pc-q35-7.0 pc-q35-7.1 pc-q35-7.2 pc-q35-8.0 pc-q35-8.1 pc-q35-8.2 pc-q35-9.0
9.0  11.1 i386       xenfv-4.2
9.1  11.1 i386       pc-i440fx-9.1 pc-q35-9.1
9.2  11.1 i386       nitro-enclave pc-i440fx-9.2 pc-q35-9.2 xenpvh
10.0 11.1 i386       pc-i440fx-10.0 pc-q35-10.0
10.1 11.1 i386       pc-i440fx-10.1 pc-q35-10.1
10.2 11.1 i386       pc-i440fx-10.2 pc-q35-10.2
11.0 11.1 i386       pc-i440fx-11.0 pc-q35-11.0
11.1 11.1 i386       pc-i440fx-11.1 pc-q35-11.1
9.0  11.0 loongarch  virt
11.1 11.1 loongarch  virt-11.1
9.0  11.1 m68k       an5206 mcf5208evb next-cube q800 virt-6.0 virt-6.1 virt-6.2 virt-7.0 virt-7.1
9.0  11.1 m68k       virt-7.2 virt-8.0 virt-8.1 virt-8.2 virt-9.0
9.1  11.1 m68k       virt-9.1
9.2  11.1 m68k       virt-9.2
10.0 11.1 m68k       virt-10.0
10.1 11.1 m68k       virt-10.1
10.2 11.1 m68k       virt-10.2
11.0 11.1 m68k       virt-11.0
11.1 11.1 m68k       virt-11.1
9.0  11.1 microblaze petalogix-ml605 petalogix-s3adsp1800 xlnx-zynqmp-pmu
9.0  10.1 mips       mipssim
9.0  11.1 mips       boston fuloong2e loongson3-virt magnum malta pica61
9.0  9.0  nios2      10m50-ghrd nios2-generic-nommu
11.0 11.1 nitro      nitro
9.0  10.2 openrisc   or1k-sim virt
11.0 11.1 or1k       or1k-sim virt
9.0  9.1  ppc        pseries-2.1 pseries-2.10 pseries-2.11 pseries-2.12 pseries-2.12-sxxm
9.0  9.1  ppc        pseries-2.2 pseries-2.3 pseries-2.4 pseries-2.5 pseries-2.6 pseries-2.7
9.0  9.1  ppc        pseries-2.8 pseries-2.9
9.0  9.2  ppc        ref405ep
9.0  10.0 ppc        pseries-3.0 pseries-3.1 pseries-4.0 pseries-4.1
9.0  10.1 ppc        pseries-4.2
9.0  10.2 ppc        pseries-5.0
9.0  11.0 ppc        pseries-5.1
9.0  11.1 ppc        40p amigaone bamboo g3beige mac99 mpc8544ds pegasos2 powernv10
9.0  11.1 ppc        powernv10-rainier powernv8 powernv9 ppce500 pseries-5.2 pseries-6.0 pseries-6.1
9.0  11.1 ppc        pseries-6.2 pseries-7.0 pseries-7.1 pseries-7.2 pseries-8.0 pseries-8.1
9.0  11.1 ppc        pseries-8.2 pseries-9.0 sam460ex virtex-ml507
9.1  11.1 ppc        pseries-9.1
9.2  11.1 ppc        pseries-9.2
10.0 11.1 ppc        pseries-10.0
10.1 11.1 ppc        pseries-10.1
10.2 11.1 ppc        pegasos1 powernv11 ppe42_machine pseries-10.2
11.0 11.1 ppc        pseries-11.0
11.1 11.1 ppc        pseries-11.1
9.0  11.1 remote     x-remote
9.0  11.1 riscv      microchip-icicle-kit opentitan shakti_c sifive_e sifive_u spike virt
10.0 11.1 riscv      amd-microblaze-v-generic
10.1 11.1 riscv      xiangshan-kunminghu
11.0 11.1 riscv      boston-aia
11.1 11.1 riscv      k230 tt-atlantis
9.0  11.1 rx         gdbsim-r5f562n7 gdbsim-r5f562n8
9.0  9.2  s390x      s390-ccw-virtio-2.4 s390-ccw-virtio-2.5 s390-ccw-virtio-2.6 s390-ccw-virtio-2.7
9.0  9.2  s390x      s390-ccw-virtio-2.8
9.0  10.0 s390x      s390-ccw-virtio-2.10 s390-ccw-virtio-2.11 s390-ccw-virtio-2.12
9.0  10.0 s390x      s390-ccw-virtio-2.9 s390-ccw-virtio-3.0 s390-ccw-virtio-3.1 s390-ccw-virtio-4.0
9.0  10.0 s390x      s390-ccw-virtio-4.1
9.0  10.1 s390x      s390-ccw-virtio-4.2
9.0  10.2 s390x      s390-ccw-virtio-5.0
9.0  11.0 s390x      s390-ccw-virtio-5.1
9.0  11.1 s390x      s390-ccw-virtio-5.2 s390-ccw-virtio-6.0 s390-ccw-virtio-6.1 s390-ccw-virtio-6.2
9.0  11.1 s390x      s390-ccw-virtio-7.0 s390-ccw-virtio-7.1 s390-ccw-virtio-7.2 s390-ccw-virtio-8.0
9.0  11.1 s390x      s390-ccw-virtio-8.1 s390-ccw-virtio-8.2 s390-ccw-virtio-9.0
9.1  11.1 s390x      s390-ccw-virtio-9.1
9.2  11.1 s390x      s390-ccw-virtio-9.2
10.0 11.1 s390x      s390-ccw-virtio-10.0
10.1 11.1 s390x      s390-ccw-virtio-10.1
10.2 11.1 s390x      s390-ccw-virtio-10.2
11.0 11.1 s390x      s390-ccw-virtio-11.0
11.1 11.1 s390x      s390-ccw-virtio-11.1
9.0  9.1  sh4        shix
9.0  11.1 sh4        r2d
9.0  11.1 sparc      LX SPARCClassic SPARCbook SS-10 SS-20 SS-4 SS-5 SS-600MP Voyager leon3_generic
9.0  11.1 sparc64    niagara sun4u sun4v
9.0  11.1 tricore    KIT_AURIX_TC277_TRB tricore_testboard
10.0 11.1 vmapple    vmapple
9.0  11.1 xenpv      xenpv
9.0  11.1 xtensa     kc705 kc705-nommu lx200 lx200-nommu lx60 lx60-nommu ml605 ml605-nommu sim virt
"""
