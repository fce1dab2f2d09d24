"""What each board has by itself. Made by `python -m tools.devices.boards`.

Read by `machines.py`. From streams of machines without options, of QEMU 10.0.2. Do not edit.
"""

#: Machine type, emulators, name of the block that `-m` sizes or `-`; then sections and blocks, with
#: `*2` for two sections of one name.
TABLE = """\
40p ppc,ppc64 -
 s PCIBUS PCIHost cpu cpu_common dma*2 fw_cfg globalstate i82374 i8254 i8259*2 mc146818rtc
 s or-irq pci.0:00.0/raven pci.0:0b.0/pci-i82378 pcspk ram rs6000-mc timer
 b bios simm.0 simm.1 simm.2 simm.3
KIT_AURIX_TC277_TRB tricore -
 s cpu_common globalstate ram timer
 b BROM CPU0.DSPR CPU0.PCACHE CPU0.PSPR CPU0.PTAG CPU1.DCACHE CPU1.DSPR CPU1.DTAG CPU1.PCACHE
 b CPU1.PSPR CPU1.PTAG CPU2.DCACHE CPU2.DSPR CPU2.DTAG CPU2.PCACHE CPU2.PSPR CPU2.PTAG DF0 DF1
 b EMEM LMURAM OLDA PF0 PF1
amd-microblaze-v-generic riscv32,riscv64 -
 s cpu cpu_common globalstate ram serial timer
 b ethlite.rx[0]buf ethlite.rx[1]buf ethlite.tx[0]buf ethlite.tx[1]buf mb_v.lmb_bram mb_v.ram
arduino-duemilanove avr -
 s cpu globalstate ram timer
 b flash sram
arduino-mega avr -
 s cpu globalstate ram timer
 b flash sram
arduino-mega-2560-v3 avr -
 s cpu globalstate ram timer
 b flash sram
arduino-uno avr -
 s cpu globalstate ram timer
 b flash sram
ast1030-evb aarch64,arm ram
 s TMP105 armv7m armv7m_nvic armv7m_systick aspeed.adc*2 aspeed.gpio aspeed.hace aspeed.i2c
 s aspeed.i3c aspeed.lpc aspeed.sbc aspeed.scu aspeed.smc*3 aspeed.timerctrl cpu cpu_common
 s globalstate i2c_bus*14 ram serial*13 timer vmstate_aspeed_wdt*4
 b aspeed.sram.0 sec.sram
ast2500-evb aarch64,arm ram
 s TMP105 aspeed.adc aspeed.gpio aspeed.hace aspeed.i2c aspeed.lpc aspeed.new-vic aspeed.rtc
 s aspeed.scu aspeed.sdhci aspeed.sdmc aspeed.smc*3 aspeed.timerctrl aspeed.xdma cpu cpu_common
 s ehci-sysbus*2 ftgmac100*2 globalstate i2c_bus*14 ram sdhci*2 serial*5 timer
 s vmstate_aspeed_wdt*3
 b aspeed.sram.0
ast2600-evb aarch64,arm ram
 s TMP105 arm_gic aspeed-mmi*4 aspeed.adc*2 aspeed.gpio*2 aspeed.hace aspeed.i2c aspeed.i3c
 s aspeed.lpc aspeed.rtc aspeed.sbc aspeed.scu aspeed.sdhci*2 aspeed.sdmc aspeed.smc*3
 s aspeed.timerctrl aspeed.xdma cpu*2 cpu_common*2 ehci-sysbus*2 ftgmac100*4 globalstate
 s i2c_bus*16 ram sdhci*3 serial*13 timer vmstate_aspeed_wdt*4
 b aspeed.sram.0
ast2700a0-evb aarch64 ram
 s TMP105 arm_gicv3 aspeed-mmi aspeed.adc*2 aspeed.gpio aspeed.hace aspeed.i2c aspeed.rtc
 s aspeed.scu*2 aspeed.sdhci*2 aspeed.sdmc aspeed.smc*4 aspeed.timerctrl cpu*4 cpu_common*4
 s ftgmac100 globalstate i2c_bus*16 or-irq*16 ram sdhci*2 serial*13 timer vmstate_aspeed_wdt*8
 b aspeed.sram.0
ast2700a1-evb aarch64 ram
 s TMP105 arm_gicv3 aspeed-mmi*3 aspeed.adc*2 aspeed.gpio aspeed.hace aspeed.i2c aspeed.rtc
 s aspeed.scu*2 aspeed.sdhci*2 aspeed.sdmc aspeed.smc*4 aspeed.timerctrl cpu*4 cpu_common*4
 s ftgmac100*3 globalstate i2c_bus*16 or-irq*16 ram sdhci*2 serial*13 timer vmstate_aspeed_wdt*8
 b aspeed.sram.0
b-l475e-iot01a aarch64,arm -
 s armv7m armv7m_nvic armv7m_systick cpu cpu_common dm163 globalstate or-irq*4 ram
 s stm32l4x5-exti stm32l4x5-gpio*8 stm32l4x5-rcc stm32l4x5-rcc-clock-mux*70 stm32l4x5-rcc-pll*3
 s stm32l4x5-syscfg stm32l4x5-usart-base*6 timer
 b SRAM1 SRAM2 flash
bamboo ppc,ppc64 ppc4xx.sdram
 s PCIBUS cpu cpu_common globalstate ppc-uic ppc4xx_pci ram timer
bletchley-bmc aarch64,arm ram
 s PCA9552*14 TMP421*10 arm_gic aspeed-mmi*4 aspeed.adc*2 aspeed.gpio*2 aspeed.hace aspeed.i2c
 s aspeed.i3c aspeed.lpc aspeed.rtc aspeed.sbc aspeed.scu aspeed.sdhci*2 aspeed.sdmc
 s aspeed.smc*3 aspeed.timerctrl aspeed.xdma cpu*2 cpu_common*2 ds1338 ehci-sysbus*2 ftgmac100*4
 s globalstate i2c_bus*16 ram sdhci*3 serial*13 timer vmstate_aspeed_wdt*4
 b aspeed.sram.0
bpim2u aarch64,arm bpim2u.ram
 s a10.pit allwinner-ahci allwinner-r40-ccu allwinner-r40-dramc allwinner-sdhost*4
 s allwinner-sramc allwinner-sun8i-emac allwinner-wdt allwinner.i2c allwinner_emac arm_gic
 s axp2xx_pmu cpu*4 cpu_common*4 ehci-sysbus*2 globalstate i2c_bus ram sd-card*4 serial*8 timer
 b sram A1 sram A2 sram A3 sram A4
clipper alpha ram
 s PCIBUS PCIHost cpu dma*2 fdc globalstate i82374 i8254 i8259*2 mc146818rtc parallel_isa
 s pci:01.0/ide pci:07.0/pci-i82378 pckbd pcspk ps2kbd ps2mouse ram serial*2 timer
collie aarch64,arm strongarm.sdram
 s cpu cpu_common globalstate pflash_cfi01*2 pxa2xx_timer ram scoop strongarm-gpio strongarm-ppc
 s strongarm-rtc strongarm-ssp strongarm-uart*3 strongarm_pic timer
 b collie.fl1 collie.fl2
cubieboard aarch64,arm cubieboard.ram
 s a10.pic a10.pit allwinner-a10-ccm allwinner-a10-dramc allwinner-ahci allwinner-rtc
 s allwinner-sdhost allwinner-wdt allwinner.i2c allwinner.spi allwinner_emac axp2xx_pmu cpu
 s cpu_common ehci-sysbus*2 globalstate i2c_bus ram sd-card serial timer
 b sram A
emcraft-sf2 aarch64,arm -
 s armv7m armv7m_nvic armv7m_systick cpu cpu_common globalstate m25p80 msf2-emac msf2-sysreg
 s mss-spi*2 mss-timer ram timer
 b MSF2.eNVM MSF2.eSRAM ddr-ram
fby35 aarch64,arm -
 s arm_gic armv7m armv7m_nvic armv7m_systick aspeed-mmi*4 aspeed.adc*4 aspeed.gpio*3
 s aspeed.hace*2 aspeed.i2c*2 aspeed.i3c*2 aspeed.lpc*2 aspeed.rtc aspeed.sbc*2 aspeed.scu*2
 s aspeed.sdhci*2 aspeed.sdmc aspeed.smc*6 aspeed.timerctrl*2 aspeed.xdma cpu*3 cpu_common*3
 s ehci-sysbus*2 ftgmac100*4 globalstate i2c_bus*30 m25p80*8 ram sdhci*3 serial*26 timer
 s vmstate_aspeed_wdt*8
 b aspeed.sram.0 aspeed.sram.2 bmc-dram sec.sram
fby35-bmc aarch64,arm ram
 s ADM1272 TMP105*3 TMP421 arm_gic aspeed-mmi*4 aspeed.adc*2 aspeed.gpio*2 aspeed.hace
 s aspeed.i2c aspeed.i3c aspeed.lpc aspeed.rtc aspeed.sbc aspeed.scu aspeed.sdhci*2 aspeed.sdmc
 s aspeed.smc*3 aspeed.timerctrl aspeed.xdma cpu*2 cpu_common*2 ehci-sysbus*2 ftgmac100*4
 s globalstate i2c_bus*16 ram sdhci*3 serial*13 timer vmstate_aspeed_wdt*4
 b aspeed.sram.0
fp5280g2-bmc aarch64,arm ram
 s PCA9552 TMP105*3 aspeed.adc aspeed.gpio aspeed.hace aspeed.i2c aspeed.lpc aspeed.new-vic
 s aspeed.rtc aspeed.scu aspeed.sdhci aspeed.sdmc aspeed.smc*3 aspeed.timerctrl aspeed.xdma cpu
 s cpu_common ds1338 ehci-sysbus*2 ftgmac100*2 globalstate i2c_bus*18 ram sdhci*2 serial*5 timer
 s vmstate_aspeed_wdt*3
 b aspeed.sram.0
fuji-bmc aarch64,arm ram
 s TMP105*39 TMP421 arm_gic aspeed-mmi*4 aspeed.adc*2 aspeed.gpio*2 aspeed.hace aspeed.i2c
 s aspeed.i3c aspeed.lpc aspeed.rtc aspeed.sbc aspeed.scu aspeed.sdhci*2 aspeed.sdmc
 s aspeed.smc*3 aspeed.timerctrl aspeed.xdma cpu*2 cpu_common*2 ehci-sysbus*2 ftgmac100*4
 s globalstate i2c_bus*136 ram sdhci*3 serial*13 timer vmstate_aspeed_wdt*4
 b aspeed.sram.0
g220a-bmc aarch64,arm ram
 s EMC141X*3 aspeed.adc aspeed.gpio aspeed.hace aspeed.i2c aspeed.lpc aspeed.new-vic aspeed.rtc
 s aspeed.scu aspeed.sdhci aspeed.sdmc aspeed.smc*3 aspeed.timerctrl aspeed.xdma cpu cpu_common
 s ehci-sysbus*2 ftgmac100*2 globalstate i2c_bus*14 ram sdhci*2 serial*5 timer
 s vmstate_aspeed_wdt*3
 b aspeed.sram.0
g3beige ppc,ppc64 ppc_heathrow.ram
 s PCIBUS PCIHost adb_bus adb_kbd adb_mouse cpu cpu_common cuda dbdma escc fw_cfg globalstate
 s heathrow_pic ide*2 macio_nvram mos6522 pci.0:10.0/macio-oldworld ram timer
 b ppc_heathrow.bios
gdbsim-r5f562n7 rx ext-sdram
 s cpu_common globalstate ram renesas-sci rx-cmt*2 rx-icu rx-tmr*2 timer
 b flash-code flash-data iram
gdbsim-r5f562n8 rx ext-sdram
 s cpu_common globalstate ram renesas-sci rx-cmt*2 rx-icu rx-tmr*2 timer
 b flash-code flash-data iram
highbank aarch64,arm highbank.dram
 s a9-scu arm.cortex-a9-global-timer arm_gic arm_mptimer*2 arm_timer*2 cpu cpu_common
 s globalstate highbank-regs l2x0 pl011 pl022_ssp pl031 pl061*4 ram sp804 sysbus-ahci timer
 b highbank.sysram
imx25-pdk aarch64,arm imx25.ram
 s cpu cpu_common ehci-sysbus*2 globalstate i.MX RNGC i2c_bus*3 imx.avic imx.epit*2 imx.fec
 s imx.gpio*4 imx.i2c*3 imx.serial*5 imx2.wdt imx25.ccm imx25.gpt*4 lan9118-phy ram sd-card*2
 s sdhci*2 timer
 b imx25.iram imx25.rom0 imx25.rom1
imx8mp-evk aarch64 imx8mp-evk.ram
 s 0000:00:00.0/designware-pcie-root PCIBUS*2 arm_gicv3 cpu cpu_common designware-pcie-host
 s fsl-imx8m-pcie-phy globalstate i2c_bus*6 imx.fec imx.gpio*5 imx.i2c*6 imx.serial*4 imx.spi*3
 s imx2.wdt*3 imx25.gpt*6 imx7.snvs imx8mp.analog imx8mp.ccm lan9118-phy or-irq ram sdhci*3
 s timer usb-dwc3*2 xhci-sysbus*2
 b imx8mp.ocram
kudo-bmc aarch64,arm ram
 s TMP105*8 a9-scu arm.cortex-a9-global-timer arm_gic arm_mptimer*2 cpu*2 cpu_common*2
 s ehci-sysbus globalstate i2c_bus*48 l2x0 m25p80*2 npcm-clk npcm-gcr npcm-gmac*2 npcm-pspi*2
 s npcm7xx-adc npcm7xx-clock-divider*21 npcm7xx-clock-pll*4 npcm7xx-clock-sel*9 npcm7xx-emc*2
 s npcm7xx-fiu*2 npcm7xx-gpio*8 npcm7xx-mft-module*8 npcm7xx-otp*2 npcm7xx-pwm-module*2
 s npcm7xx-rng npcm7xx-smbus*16 npcm7xx-timer-ctrl*3 npcm7xx.sdhci ram sd-card sdhci serial*4
 s timer
 b irom ram2 ram3
kzm aarch64,arm kzm.ram
 s cpu cpu_common globalstate i2c_bus*3 imx.avic imx.epit*2 imx.gpio*3 imx.i2c*3 imx.serial*2
 s imx2.wdt imx25.gpt imx31.ccm ram timer
 b imx31.iram imx31.rom imx31.secure_rom
lm3s6965evb aarch64,arm -
 s armv7m armv7m_nvic armv7m_systick cmsdk-apb-watchdog cpu cpu_common globalstate i2c_bus*2
 s pl011*3 pl022_ssp pl061*7 ram sd-card ssd0323_oled ssi_sd stellaris_adc stellaris_enet
 s stellaris_gamepad stellaris_gptm*4 stellaris_i2c*2 stellaris_sys timer
 b stellaris.flash stellaris.sram
lm3s811evb aarch64,arm -
 s armv7m armv7m_nvic armv7m_systick cmsdk-apb-watchdog cpu cpu_common globalstate i2c_bus
 s pl011*2 pl022_ssp pl061*5 ram ssd0303_oled stellaris_adc stellaris_gptm*3 stellaris_i2c
 s stellaris_sys timer
 b stellaris.flash stellaris.sram
mac99 ppc64 ppc_core99.ram
 s PCIBUS PCIHost adb_bus adb_kbd adb_mouse cpu cpu_common cuda dbdma escc fw_cfg globalstate
 s ide*2 macio_nvram mos6522 openpic pci.0:0c.0/macio-newworld ram timer
 b ppc_core99.bios
mac99 ppc ppc_core99.ram
 s PCIBUS*3 PCIHost*3 adb_bus adb_kbd adb_mouse cpu cpu_common cuda dbdma escc fw_cfg
 s globalstate ide*2 macio_nvram mos6522 openpic pci.2:0c.0/macio-newworld ram timer
 b ppc_core99.bios
mcimx6ul-evk aarch64,arm mcimx6ul-evk.ram
 s arm_gic cpu cpu_common ehci-sysbus*2 globalstate i2c_bus*4 imx-gpcv2 imx.epit*2 imx.fec*2
 s imx.gpio*5 imx.i2c*4 imx.serial*8 imx.spi*4 imx.usbphy*2 imx2.wdt*3 imx25.gpt*2 imx6.src
 s imx6ul.ccm imx7.snvs lan9118-phy*2 ram sd-card*2 sdhci*2 timer
 b imx6ul.caam imx6ul.ocram imx6ul.rom
mcimx7d-sabre aarch64,arm mcimx7d-sabre.ram
 s 0000:00:00.0/designware-pcie-root PCIBUS*2 arm_gic cpu cpu_common designware-pcie-host
 s ehci-sysbus*3 globalstate i2c_bus*4 imx-gpcv2 imx.fec*2 imx.gpio*7 imx.i2c*4 imx.serial*7
 s imx.spi*4 imx2.wdt*4 imx25.gpt*4 imx7.analog imx7.ccm imx7.snvs imx7.src lan9118-phy*2 or-irq
 s ram sd-card*3 sdhci*3 timer
 b imx7.caam imx7.ocram imx7.ocram_epdc imx7.ocram_pxp imx7.ocram_s imx7.rom
microbit aarch64,arm -
 s armv7m armv7m_nvic armv7m_systick cpu cpu_common globalstate microbit.i2c nrf51_soc.gpio
 s nrf51_soc.nvm nrf51_soc.rng nrf51_soc.timer*3 nrf51_soc.uart ram timer
 b nrf51.sram nrf51_soc.flash
microchip-icicle-kit riscv64 microchip.icicle.kit.ram
 s cadence.sdhci cadence_gem*2 cpu*2 cpu_common*2 globalstate mchp.pfsoc.uart*5 ram riscv_mtimer
 s riscv_sifive_plic sdhci serial*5 timer
 b microchip.pfsoc.e51_dtim_mem microchip.pfsoc.envm.data microchip.pfsoc.l2lim
 b microchip.pfsoc.qspi_xip microchip.pfsoc.rsvd0_mem
midway aarch64,arm highbank.dram
 s arm_gic arm_timer*2 cpu cpu_common globalstate highbank-regs pl011 pl022_ssp pl031 pl061*4
 s ram sp804 sysbus-ahci timer
 b highbank.sysram
mori-bmc aarch64,arm ram
 s a9-scu arm.cortex-a9-global-timer arm_gic arm_mptimer*2 cpu*2 cpu_common*2 ehci-sysbus
 s globalstate i2c_bus*16 l2x0 m25p80 npcm-clk npcm-gcr npcm-gmac*2 npcm-pspi*2 npcm7xx-adc
 s npcm7xx-clock-divider*21 npcm7xx-clock-pll*4 npcm7xx-clock-sel*9 npcm7xx-emc*2 npcm7xx-fiu*2
 s npcm7xx-gpio*8 npcm7xx-mft-module*8 npcm7xx-otp*2 npcm7xx-pwm-module*2 npcm7xx-rng
 s npcm7xx-smbus*16 npcm7xx-timer-ctrl*3 npcm7xx.sdhci ram sdhci serial*4 timer
 b irom ram2 ram3
mpc8544ds ppc,ppc64 mpc8544ds.ram
 s PCIBUS cpu cpu_common ds1338 globalstate i2c_bus mpc-i2c openpic ppce500_pci ram timer
mps2-an385 aarch64,arm mps.ram
 s armv7m armv7m_nvic armv7m_systick cmsdk-apb-dualtimer cmsdk-apb-timer*2 cmsdk-apb-uart*5
 s cmsdk-apb-watchdog cpu cpu_common globalstate i2c_bus*4 lan9118 lan9118-phy led*10
 s mps2-fpgaio mps2-scc or-irq*3 pl022_ssp*5 ram timer
 b mps.blockram mps.ssram1 mps.ssram23
mps2-an386 aarch64,arm mps.ram
 s armv7m armv7m_nvic armv7m_systick cmsdk-apb-dualtimer cmsdk-apb-timer*2 cmsdk-apb-uart*5
 s cmsdk-apb-watchdog cpu cpu_common globalstate i2c_bus*4 lan9118 lan9118-phy led*10
 s mps2-fpgaio mps2-scc or-irq*3 pl022_ssp*5 ram timer
 b mps.blockram mps.ssram1 mps.ssram23
mps2-an500 aarch64,arm mps.ram
 s armv7m armv7m_nvic armv7m_systick cmsdk-apb-dualtimer cmsdk-apb-timer*2 cmsdk-apb-uart*5
 s cmsdk-apb-watchdog cpu cpu_common globalstate i2c_bus*4 lan9118 lan9118-phy led*10
 s mps2-fpgaio mps2-scc or-irq*3 pl022_ssp*5 ram timer
 b mps.ssram1 mps.ssram23
mps2-an505 aarch64,arm mps.ram
 s armv7m armv7m_nvic armv7m_systick*2 cmsdk-apb-dualtimer cmsdk-apb-timer*3 cmsdk-apb-uart*5
 s cmsdk-apb-watchdog*3 cpu cpu_common globalstate i2c_bus*4 iotkit iotkit-secctl iotkit-sysctl
 s lan9118 lan9118-phy led*10 mps2-fpgaio mps2-scc or-irq*4 pl022_ssp*5 pl080*4 ram timer
 s tz-mpc*4 tz-msc*4 tz-ppc*7
 b armsse.sram0 ssram-0 ssram-1 ssram-2
mps2-an511 aarch64,arm mps.ram
 s armv7m armv7m_nvic armv7m_systick cmsdk-apb-dualtimer cmsdk-apb-timer*2 cmsdk-apb-uart*5
 s cmsdk-apb-watchdog cpu cpu_common globalstate i2c_bus*4 lan9118 lan9118-phy led*10
 s mps2-fpgaio mps2-scc or-irq*8 pl022_ssp*5 ram timer
 b mps.blockram mps.sram mps.ssram1 mps.ssram23
mps2-an521 aarch64,arm mps.ram
 s armsse-mhu*2 armv7m*2 armv7m_nvic*2 armv7m_systick*4 cmsdk-apb-dualtimer cmsdk-apb-timer*3
 s cmsdk-apb-uart*5 cmsdk-apb-watchdog*3 cpu*2 cpu_common*2 globalstate i2c_bus*4 iotkit
 s iotkit-secctl iotkit-sysctl lan9118 lan9118-phy led*10 mps2-fpgaio mps2-scc or-irq*4
 s pl022_ssp*5 pl080*4 ram timer tz-mpc*7 tz-msc*4 tz-ppc*7
 b armsse.sram0 armsse.sram1 armsse.sram2 armsse.sram3 ssram-0 ssram-1 ssram-2
mps3-an524 aarch64,arm DDR
 s armsse-mhu*2 armv7m*2 armv7m_nvic*2 armv7m_systick*4 cmsdk-apb-dualtimer cmsdk-apb-timer*3
 s cmsdk-apb-uart*6 cmsdk-apb-watchdog*3 cpu*2 cpu_common*2 globalstate i2c_bus*5 iotkit
 s iotkit-secctl iotkit-sysctl lan9118 lan9118-phy led*18 mps2-fpgaio mps2-scc or-irq*4
 s pl022_ssp*3 pl031 ram timer tz-mpc*7 tz-ppc*6
 b QSPI armsse.sram0 armsse.sram1 armsse.sram2 armsse.sram3 bram
mps3-an536 aarch64,arm DDR
 s arm_gicv3 cmsdk-apb-dualtimer cmsdk-apb-uart*5 cmsdk-apb-watchdog cpu cpu_common globalstate
 s i2c_bus*5 lan9118 lan9118-phy led*18 mps2-fpgaio mps2-scc or-irq*2 pl022_ssp*3 pl031 ram
 s timer
 b ATCM ATCM0 ATCM1 BRAM BTCM0 BTCM1 CTCM0 CTCM1 QSPI cpu-0-memory
mps3-an547 aarch64,arm DDR
 s armsse-cpu-pwrctrl armv7m armv7m_nvic armv7m_systick*2 cmsdk-apb-timer cmsdk-apb-uart*6
 s cmsdk-apb-watchdog cpu cpu_common globalstate i2c_bus*5 iotkit iotkit-secctl iotkit-sysctl
 s lan9118 lan9118-phy led*18 mps2-fpgaio mps2-scc or-irq*4 pl022_ssp*3 pl031 ram sse-counter
 s sse-timer*4 timer tz-mpc*5 tz-ppc*6
 b QSPI armsse.sram0 armsse.sram1 sram sram 2 sse300-dtcm sse300-itcm
musca-a aarch64,arm -
 s armsse-mhu*2 armv7m*2 armv7m_nvic*2 armv7m_systick*4 cmsdk-apb-dualtimer cmsdk-apb-timer*3
 s cmsdk-apb-watchdog*3 cpu*2 cpu_common*2 globalstate iotkit iotkit-secctl iotkit-sysctl
 s or-irq*3 pl011*2 pl031 ram timer tz-mpc*6 tz-ppc*3
 b armsse.sram0 armsse.sram1 armsse.sram2 armsse.sram3 qspi sram
musca-b1 aarch64,arm -
 s armsse-mhu*2 armv7m*2 armv7m_nvic*2 armv7m_systick*4 cmsdk-apb-dualtimer cmsdk-apb-timer*3
 s cmsdk-apb-watchdog*3 cpu*2 cpu_common*2 globalstate iotkit iotkit-secctl iotkit-sysctl
 s or-irq*3 pl011*2 pl031 ram timer tz-mpc*9 tz-ppc*5
 b armsse.sram0 armsse.sram1 armsse.sram2 armsse.sram3 eflash0 eflash1 qspi sram
netduino2 aarch64,arm -
 s armv7m armv7m_nvic armv7m_systick cpu cpu_common globalstate or-irq ram stm32f2xx-adc*3
 s stm32f2xx-spi*3 stm32f2xx-timer*4 timer
 b STM32F205.flash STM32F205.sram
netduinoplus2 aarch64,arm -
 s armv7m armv7m_nvic armv7m_systick cpu cpu_common globalstate or-irq ram stm32.rcc
 s stm32f2xx-adc*6 stm32f2xx-spi*6 stm32f2xx-timer*4 stm32f4xx-exti stm32f4xx-syscfg timer
 b STM32F405.ccm STM32F405.flash STM32F405.sram
npcm750-evb aarch64,arm ram
 s TMP105*4 a9-scu arm.cortex-a9-global-timer arm_gic arm_mptimer*2 cpu*2 cpu_common*2
 s ehci-sysbus globalstate i2c_bus*16 l2x0 m25p80 npcm-clk npcm-gcr npcm-gmac*2 npcm-pspi*2
 s npcm7xx-adc npcm7xx-clock-divider*21 npcm7xx-clock-pll*4 npcm7xx-clock-sel*9 npcm7xx-emc*2
 s npcm7xx-fiu*2 npcm7xx-gpio*8 npcm7xx-mft-module*8 npcm7xx-otp*2 npcm7xx-pwm-module*2
 s npcm7xx-rng npcm7xx-smbus*16 npcm7xx-timer-ctrl*3 npcm7xx.sdhci ram sdhci serial*4 timer
 b irom ram2 ram3
npcm845-evb aarch64 ram
 s TMP105 arm_gic cpu*4 cpu_common*4 ehci-sysbus*2 globalstate i2c_bus*27 m25p80 npcm-clk
 s npcm-gcr npcm7xx-adc npcm7xx-clock-divider*21 npcm7xx-clock-pll*4 npcm7xx-clock-sel*9
 s npcm7xx-fiu*3 npcm7xx-gpio*8 npcm7xx-mft-module*8 npcm7xx-otp npcm7xx-pwm-module*3
 s npcm7xx-rng npcm7xx-smbus*27 npcm7xx-timer-ctrl*3 npcm7xx.sdhci ram sdhci serial*7 timer
 b irom ram2 ram3
nuri aarch64,arm -
 s a9-scu arm.cortex-a9-global-timer arm_gic*2 arm_mptimer*2 cpu*2 cpu_common*2 ehci-sysbus
 s exynos4210.clk exynos4210.combiner*2 exynos4210.fimd exynos4210.i2c*9 exynos4210.mct
 s exynos4210.pmu exynos4210.pwm exynos4210.rng exynos4210.rtc exynos4210.uart*4 globalstate
 s i2c_bus*9 l2x0 or-irq*5 pl330*3 ram sd-card*4 sdhci*4 timer
 b exynos4210.dram0 exynos4210.iram exynos4210.irom
olimex-stm32-h405 aarch64,arm -
 s armv7m armv7m_nvic armv7m_systick cpu cpu_common globalstate or-irq ram stm32.rcc
 s stm32f2xx-adc*6 stm32f2xx-spi*6 stm32f2xx-timer*4 stm32f4xx-exti stm32f4xx-syscfg timer
 b STM32F405.ccm STM32F405.flash STM32F405.sram
opentitan riscv32 riscv.lowrisc.ibex.ram
 s cpu cpu_common globalstate ibex-spi*2 ibex-timer ibex-uart ram riscv_sifive_plic timer
 b riscv.lowrisc.ibex.flash riscv.lowrisc.ibex.rom
or1k-sim or1k -
 s cpu globalstate or1k_timer ram serial*4 timer
 b openrisc.ram
orangepi-pc aarch64,arm orangepi.ram
 s a10.pit allwinner-cpucfg allwinner-h3-ccu allwinner-h3-dramc allwinner-h3-sysctrl
 s allwinner-rtc allwinner-sdhost allwinner-sid allwinner-sun8i-emac allwinner-wdt
 s allwinner.i2c*4 arm_gic cpu*4 cpu_common*4 ehci-sysbus*4 globalstate i2c_bus*4 ram sd-card
 s serial*4 timer
 b allwinner-h3-dramc.row-mirror sram A1 sram A2 sram C
palmetto-bmc aarch64,arm ram
 s TMP421 aspeed.adc aspeed.gpio aspeed.hace aspeed.i2c aspeed.lpc aspeed.new-vic aspeed.rtc
 s aspeed.scu aspeed.sdhci aspeed.sdmc aspeed.smc*2 aspeed.timerctrl aspeed.xdma cpu cpu_common
 s ds1338 ehci-sysbus ftgmac100*2 globalstate i2c_bus*14 ram sdhci*2 serial*5 timer
 s vmstate_aspeed_wdt*2
 b aspeed.sram.0
petalogix-ml605 microblaze,microblazeel -
 s cpu globalstate m25p80*4 pflash_cfi01 ram serial timer xilinx_spi
 b petalogix_ml605.flash petalogix_ml605.lmb_bram petalogix_ml605.ram
petalogix-s3adsp1800 microblaze,microblazeel -
 s cpu globalstate pflash_cfi01 ram timer
 b ethlite.rx[0]buf ethlite.rx[1]buf ethlite.tx[0]buf ethlite.tx[1]buf
 b petalogix_s3adsp1800.flash petalogix_s3adsp1800.lmb_bram petalogix_s3adsp1800.ram
powernv10 ppc64 pnv.ram
 s cpu cpu_common globalstate i2c_bus*46 mc146818rtc ram timer xive-source*2 xive-tctx
 b homer-chip0-memory
powernv10-rainier ppc64 pnv.ram
 s PCA9552 PCA9554 cpu cpu_common globalstate i2c_bus*46 mc146818rtc ram timer xive-source*2
 s xive-tctx
 b homer-chip0-memory
powernv8 ppc64 pnv.ram
 s cpu cpu_common globalstate ics mc146818rtc ram timer
 b homer-chip0-memory
powernv9 ppc64 pnv.ram
 s cpu cpu_common globalstate i2c_bus*19 mc146818rtc ram timer xive-source*2 xive-tctx
 b homer-chip0-memory
ppce500 ppc,ppc64 mpc8544ds.ram
 s PCIBUS cpu cpu_common ds1338 globalstate i2c_bus mpc-i2c mpc8xxx_gpio openpic ppce500_pci ram
 s sdhci timer
qcom-dc-scm-v1-bmc aarch64,arm ram
 s TMP105 arm_gic aspeed-mmi*4 aspeed.adc*2 aspeed.gpio*2 aspeed.hace aspeed.i2c aspeed.i3c
 s aspeed.lpc aspeed.rtc aspeed.sbc aspeed.scu aspeed.sdhci*2 aspeed.sdmc aspeed.smc*3
 s aspeed.timerctrl aspeed.xdma cpu*2 cpu_common*2 ehci-sysbus*2 ftgmac100*4 globalstate
 s i2c_bus*16 ram sdhci*3 serial*13 timer vmstate_aspeed_wdt*4
 b aspeed.sram.0
qcom-firework-bmc aarch64,arm ram
 s TMP105*6 arm_gic aspeed-mmi*4 aspeed.adc*2 aspeed.gpio*2 aspeed.hace aspeed.i2c aspeed.i3c
 s aspeed.lpc aspeed.rtc aspeed.sbc aspeed.scu aspeed.sdhci*2 aspeed.sdmc aspeed.smc*3
 s aspeed.timerctrl aspeed.xdma cpu*2 cpu_common*2 ehci-sysbus*2 ftgmac100*4 globalstate
 s i2c_bus*60 max31785*2 ram sdhci*3 serial*13 timer vmstate_aspeed_wdt*4
 b aspeed.sram.0
quanta-gbs-bmc aarch64,arm ram
 s a9-scu arm.cortex-a9-global-timer arm_gic arm_mptimer*2 cpu*2 cpu_common*2 ehci-sysbus
 s globalstate i2c_bus*16 l2x0 m25p80 npcm-clk npcm-gcr npcm-gmac*2 npcm-pspi*2 npcm7xx-adc
 s npcm7xx-clock-divider*21 npcm7xx-clock-pll*4 npcm7xx-clock-sel*9 npcm7xx-emc*2 npcm7xx-fiu*2
 s npcm7xx-gpio*8 npcm7xx-mft-module*8 npcm7xx-otp*2 npcm7xx-pwm-module*2 npcm7xx-rng
 s npcm7xx-smbus*16 npcm7xx-timer-ctrl*3 npcm7xx.sdhci ram sd-card sdhci serial*4 timer
 b irom ram2 ram3
quanta-gsj aarch64,arm ram
 s TMP105*4 a9-scu arm.cortex-a9-global-timer arm_gic arm_mptimer*2 cpu*2 cpu_common*2
 s ehci-sysbus globalstate i2c_bus*24 l2x0 m25p80 npcm-clk npcm-gcr npcm-gmac*2 npcm-pspi*2
 s npcm7xx-adc npcm7xx-clock-divider*21 npcm7xx-clock-pll*4 npcm7xx-clock-sel*9 npcm7xx-emc*2
 s npcm7xx-fiu*2 npcm7xx-gpio*8 npcm7xx-mft-module*8 npcm7xx-otp*2 npcm7xx-pwm-module*2
 s npcm7xx-rng npcm7xx-smbus*16 npcm7xx-timer-ctrl*3 npcm7xx.sdhci ram sdhci serial*4 timer
 b irom ram2 ram3
quanta-q71l-bmc aarch64,arm ram
 s TMP105*3 aspeed.adc aspeed.gpio aspeed.hace aspeed.i2c aspeed.lpc aspeed.new-vic aspeed.rtc
 s aspeed.scu aspeed.sdhci aspeed.sdmc aspeed.smc*2 aspeed.timerctrl aspeed.xdma cpu cpu_common
 s ehci-sysbus ftgmac100*2 globalstate i2c_bus*30 ram sdhci*2 serial*5 timer
 s vmstate_aspeed_wdt*2
 b aspeed.sram.0
rainier-bmc aarch64,arm ram
 s DPS310 PCA9552*16 TMP105*13 TMP421*4 arm_gic aspeed-mmi*4 aspeed.adc*2 aspeed.gpio*2
 s aspeed.hace aspeed.i2c aspeed.i3c aspeed.lpc aspeed.rtc aspeed.sbc aspeed.scu aspeed.sdhci*2
 s aspeed.sdmc aspeed.smc*3 aspeed.timerctrl aspeed.xdma cpu*2 cpu_common*2 ehci-sysbus*2
 s ftgmac100*4 globalstate i2c_bus*32 max31785 ram sdhci*3 serial*13 timer vmstate_aspeed_wdt*4
 b aspeed.sram.0
raspi0 aarch64,arm ram
 s bcm2835-aux bcm2835-cprman bcm2835-cprman-clock-mux*36 bcm2835-cprman-dsi0hsck-mux
 s bcm2835-cprman-pll*5 bcm2835-cprman-pll-channel*16 bcm2835-dma bcm2835-fb bcm2835-i2c*3
 s bcm2835-ic bcm2835-mbox bcm2835-otp bcm2835-powermgt bcm2835-property bcm2835-rng
 s bcm2835-sdhost bcm2835-spi bcm2835_gpio bcm2835_sys_timer bcm2835_thermal cpu cpu_common dwc2
 s globalstate i2c_bus*3 mphi or-irq*2 pl011 ram sd-card sdhci timer
raspi1ap aarch64,arm ram
 s bcm2835-aux bcm2835-cprman bcm2835-cprman-clock-mux*36 bcm2835-cprman-dsi0hsck-mux
 s bcm2835-cprman-pll*5 bcm2835-cprman-pll-channel*16 bcm2835-dma bcm2835-fb bcm2835-i2c*3
 s bcm2835-ic bcm2835-mbox bcm2835-otp bcm2835-powermgt bcm2835-property bcm2835-rng
 s bcm2835-sdhost bcm2835-spi bcm2835_gpio bcm2835_sys_timer bcm2835_thermal cpu cpu_common dwc2
 s globalstate i2c_bus*3 mphi or-irq*2 pl011 ram sd-card sdhci timer
raspi2b aarch64,arm ram
 s bcm2835-aux bcm2835-cprman bcm2835-cprman-clock-mux*36 bcm2835-cprman-dsi0hsck-mux
 s bcm2835-cprman-pll*5 bcm2835-cprman-pll-channel*16 bcm2835-dma bcm2835-fb bcm2835-i2c*3
 s bcm2835-ic bcm2835-mbox bcm2835-otp bcm2835-powermgt bcm2835-property bcm2835-rng
 s bcm2835-sdhost bcm2835-spi bcm2835_gpio bcm2835_sys_timer bcm2835_thermal bcm2836-control
 s cpu*4 cpu_common*4 dwc2 globalstate i2c_bus*3 mphi or-irq*2 pl011 ram sd-card sdhci timer
raspi3ap aarch64 ram
 s bcm2835-aux bcm2835-cprman bcm2835-cprman-clock-mux*36 bcm2835-cprman-dsi0hsck-mux
 s bcm2835-cprman-pll*5 bcm2835-cprman-pll-channel*16 bcm2835-dma bcm2835-fb bcm2835-i2c*3
 s bcm2835-ic bcm2835-mbox bcm2835-otp bcm2835-powermgt bcm2835-property bcm2835-rng
 s bcm2835-sdhost bcm2835-spi bcm2835_gpio bcm2835_sys_timer bcm2835_thermal bcm2836-control
 s cpu*4 cpu_common*4 dwc2 globalstate i2c_bus*3 mphi or-irq*2 pl011 ram sd-card sdhci timer
raspi3b aarch64 ram
 s bcm2835-aux bcm2835-cprman bcm2835-cprman-clock-mux*36 bcm2835-cprman-dsi0hsck-mux
 s bcm2835-cprman-pll*5 bcm2835-cprman-pll-channel*16 bcm2835-dma bcm2835-fb bcm2835-i2c*3
 s bcm2835-ic bcm2835-mbox bcm2835-otp bcm2835-powermgt bcm2835-property bcm2835-rng
 s bcm2835-sdhost bcm2835-spi bcm2835_gpio bcm2835_sys_timer bcm2835_thermal bcm2836-control
 s cpu*4 cpu_common*4 dwc2 globalstate i2c_bus*3 mphi or-irq*2 pl011 ram sd-card sdhci timer
raspi4b aarch64 ram
 s arm_gic bcm2835-aux bcm2835-cprman bcm2835-cprman-clock-mux*36 bcm2835-cprman-dsi0hsck-mux
 s bcm2835-cprman-pll*5 bcm2835-cprman-pll-channel*16 bcm2835-dma bcm2835-fb bcm2835-i2c*3
 s bcm2835-ic bcm2835-mbox bcm2835-otp bcm2835-powermgt bcm2835-property bcm2835-sdhost
 s bcm2835-spi bcm2835_sys_timer bcm2836-control bcm2838_gpio cpu*4 cpu_common*4 dwc2
 s globalstate i2c_bus*3 mphi or-irq*4 pl011 ram sd-card sdhci*2 timer
romulus-bmc aarch64,arm ram
 s aspeed.adc aspeed.gpio aspeed.hace aspeed.i2c aspeed.lpc aspeed.new-vic aspeed.rtc aspeed.scu
 s aspeed.sdhci aspeed.sdmc aspeed.smc*3 aspeed.timerctrl aspeed.xdma cpu cpu_common ds1338
 s ehci-sysbus*2 ftgmac100*2 globalstate i2c_bus*14 ram sdhci*2 serial*5 timer
 s vmstate_aspeed_wdt*3
 b aspeed.sram.0
sabrelite aarch64,arm sabrelite.ram
 s 0000:00:00.0/designware-pcie-root PCIBUS*2 a9-scu arm.cortex-a9-global-timer arm_gic
 s arm_mptimer*2 cpu cpu_common designware-pcie-host ehci-sysbus*4 globalstate i2c_bus*3
 s imx.epit*2 imx.fec imx.gpio*7 imx.i2c*3 imx.serial*5 imx.spi*5 imx.usbphy*2 imx2.wdt*2
 s imx25.gpt imx6.ccm imx6.src imx7.snvs l2x0 lan9118-phy m25p80 or-irq ram sdhci*4 timer
 b imx6.caam imx6.ocram imx6.rom
sam460ex ppc,ppc64 ppc4xx.sdram
 s 1/usb-kbd 2/usb-ptr PCIBUS*3 PCIHost*3 cpu cpu_common ehci-sysbus globalstate i2c-ddc
 s i2c_bus*3 pci.0:06.0/sm501 pflash_cfi01 ppc-uic*4 ram timer
 b pci.0:06.0/sm501.local ppc440.l2cache_ram ppc4xx.l2sram_bank0 ppc4xx.l2sram_bank1
 b ppc4xx.l2sram_bank2 ppc4xx.l2sram_bank3 sam460ex.flash
sbsa-ref aarch64 sbsa-ref.ram
 s 0000:00:00.0/gpex_root 0000:00:01.0/bochs-display PCIBUS PCIHost arm_gicv3 arm_gicv3_its
 s cpu*4 cpu_common*4 globalstate gpio-key pflash_cfi01*2 pl011*3 pl031 pl061 ram sbsa-gwdt
 s smmuv3 sysbus-ahci timer xhci-sysbus
 b 0000:00:01.0/bochs-display-vram 0000:00:01.0/bochs-display.rom sbsa-ref.secure-ram
 b sbsa.flash0 sbsa.flash1
shakti_c riscv64 riscv.shakti.c.ram
 s cpu cpu_common globalstate ram riscv_mtimer riscv_sifive_plic timer
 b riscv.shakti.c.rom
sifive_e riscv32,riscv64 riscv.sifive.e.ram
 s cpu cpu_common globalstate ram riscv.sifive.uart*2 riscv_mtimer riscv_sifive_plic
 s sifive_soc.gpio timer
 b riscv.sifive.e.mrom riscv.sifive.e.xip
sifive_u riscv32,riscv64 riscv.sifive.u.ram
 s cadence_gem cpu*2 cpu_common*2 globalstate m25p80 ram riscv.sifive.uart*2 riscv_mtimer
 s riscv_sifive_plic sd-card sifive-pwm*2 sifive_soc.gpio ssi_sd timer
 b riscv.sifive.u.flash0 riscv.sifive.u.l2lim riscv.sifive.u.mrom
smdkc210 aarch64,arm -
 s a9-scu arm.cortex-a9-global-timer arm_gic*2 arm_mptimer*2 cpu*2 cpu_common*2 ehci-sysbus
 s exynos4210.clk exynos4210.combiner*2 exynos4210.fimd exynos4210.i2c*9 exynos4210.mct
 s exynos4210.pmu exynos4210.pwm exynos4210.rng exynos4210.rtc exynos4210.uart*4 globalstate
 s i2c_bus*9 l2x0 or-irq*5 pl330*3 ram sd-card*4 sdhci*4 timer
 b exynos4210.dram0 exynos4210.iram exynos4210.irom
sonorapass-bmc aarch64,arm ram
 s PCA9552*4 TMP105*4 aspeed.adc aspeed.gpio aspeed.hace aspeed.i2c aspeed.lpc aspeed.new-vic
 s aspeed.rtc aspeed.scu aspeed.sdhci aspeed.sdmc aspeed.smc*3 aspeed.timerctrl aspeed.xdma cpu
 s cpu_common ehci-sysbus*2 ftgmac100*2 globalstate i2c_bus*14 ram sdhci*2 serial*5 timer
 s vmstate_aspeed_wdt*3
 b aspeed.sram.0
spike riscv32,riscv64 riscv.spike.ram
 s cpu cpu_common globalstate ram riscv_mtimer timer
 b riscv.spike.mrom
stm32vldiscovery aarch64,arm -
 s armv7m armv7m_nvic armv7m_systick cpu cpu_common globalstate ram stm32f2xx-spi*2 timer
 b STM32F100.flash STM32F100.sram
supermicro-x11spi-bmc aarch64,arm ram
 s TMP421 aspeed.adc aspeed.gpio aspeed.hace aspeed.i2c aspeed.lpc aspeed.new-vic aspeed.rtc
 s aspeed.scu aspeed.sdhci aspeed.sdmc aspeed.smc*3 aspeed.timerctrl aspeed.xdma cpu cpu_common
 s ds1338 ehci-sysbus*2 ftgmac100*2 globalstate i2c_bus*14 ram sdhci*2 serial*5 timer
 s vmstate_aspeed_wdt*3
 b aspeed.sram.0
supermicrox11-bmc aarch64,arm ram
 s TMP421 aspeed.adc aspeed.gpio aspeed.hace aspeed.i2c aspeed.lpc aspeed.new-vic aspeed.rtc
 s aspeed.scu aspeed.sdhci aspeed.sdmc aspeed.smc*2 aspeed.timerctrl aspeed.xdma cpu cpu_common
 s ds1338 ehci-sysbus ftgmac100*2 globalstate i2c_bus*14 ram sdhci*2 serial*5 timer
 s vmstate_aspeed_wdt*2
 b aspeed.sram.0
tiogapass-bmc aarch64,arm ram
 s TMP421*3 aspeed.adc aspeed.gpio aspeed.hace aspeed.i2c aspeed.lpc aspeed.new-vic aspeed.rtc
 s aspeed.scu aspeed.sdhci aspeed.sdmc aspeed.smc*3 aspeed.timerctrl aspeed.xdma cpu cpu_common
 s ehci-sysbus*2 ftgmac100*2 globalstate i2c_bus*14 ram sdhci*2 serial*5 timer
 s vmstate_aspeed_wdt*3
 b aspeed.sram.0
tricore_testboard tricore -
 s cpu_common globalstate ram timer
 b powerlink_ext_c.ram powerlink_ext_d.ram powerlink_int_c.ram powerlink_int_d.ram
 b powerlink_pcp_data.ram powerlink_pcp_text.ram
virt or1k -
 s 0000:00:00.0/gpex_root PCIBUS PCIHost cpu globalstate goldfish_rtc or1k_timer ram serial
 s timer
 b openrisc.ram
virtex-ml507 ppc,ppc64 ram
 s cpu cpu_common globalstate pflash_cfi01 ppc-uic ram serial timer
 b virtex.flash
witherspoon-bmc aarch64,arm ram
 s DPS310 PCA9552*2 TMP105 TMP421*2 aspeed.adc aspeed.gpio aspeed.hace aspeed.i2c aspeed.lpc
 s aspeed.new-vic aspeed.rtc aspeed.scu aspeed.sdhci aspeed.sdmc aspeed.smc*3 aspeed.timerctrl
 s aspeed.xdma cpu cpu_common ds1338 ehci-sysbus*2 ftgmac100*2 globalstate i2c_bus*14 led*3
 s max31785 ram sdhci*2 serial*5 timer vmstate_aspeed_wdt*3
 b aspeed.sram.0
xilinx-zynq-a9 aarch64,arm zynq.ext_ram
 s a9-scu arm.cortex-a9-global-timer arm_gic arm_mptimer*2 cadence_TTC*2 cadence_gem*2
 s cadence_uart*2 cpu cpu_common ehci-sysbus*2 globalstate l2x0 m25p80*12 pl330 ram sd-card*2
 s sdhci*2 timer xilinx_spips*3 xlnx_zynq_devcfg zynq-xadc zynq_slcr
 b zynq.ocm_ram zynq.pflash
xlnx-versal-virt aarch64 ddr
 s arm_gicv3 cadence_gem*2 cpu*4 cpu_common*4 globalstate m25p80*4 or-irq*5 pl011*2 ram
 s sd-card*2 sdhci*2 timer usb-dwc3 xhci-sysbus xlnx-cframe-reg*15 xlnx-versal-cfu-apb
 s xlnx-versal-cfu-fdro xlnx-versal-cfu-sfr xlnx-versal-crl xlnx-versal-efuse xlnx-zynmp.rtc
 s xlnx.bbram-ctrl xlnx.cframe-bcast-reg xlnx.csu_dma*2 xlnx.versal-canfd*2 xlnx.versal-ospi
 s xlnx.versal-pmc-iou-slcr xlnx.versal-trng xlnx.versal-usb2-ctrl-regs xlnx.versal-xramc*4
 s xlnx.zdma*8
 b ocm xram[0] xram[1] xram[2] xram[3]
xlnx-zynqmp-pmu microblaze,microblazeel -
 s cpu globalstate ram timer xlnx.pmu_io_intc xlnx.zynqmp_ipi*4
 b xlnx-zynqmp-pmu.ram xlnx-zynqmp-pmu.rom
yosemitev2-bmc aarch64,arm ram
 s TMP421*3 aspeed.adc aspeed.gpio aspeed.hace aspeed.i2c aspeed.lpc aspeed.new-vic aspeed.rtc
 s aspeed.scu aspeed.sdhci aspeed.sdmc aspeed.smc*3 aspeed.timerctrl aspeed.xdma cpu cpu_common
 s ehci-sysbus*2 ftgmac100*2 globalstate i2c_bus*14 ram sdhci*2 serial*5 timer
 s vmstate_aspeed_wdt*3
 b aspeed.sram.0
"""
