const NYU_37 = [
  ..."wall,floor,cabinet,bed,chair,sofa,table,door,window,bookshelf,picture,counter,blinds,desk,shelves,curtain".split(
    ",",
  ),
  ..."dresser,pillow,mirror,floor mat,clothes,ceiling,books,refrigerator,television,paper,towel,shower curtain".split(
    ",",
  ),
  ..."box,whiteboard,person,night stand,toilet,sink,lamp,bathtub,bag".split(","),
];

/**
 * Names of the usual sets of pixel classes, by their number: NYUv2 with 13 (Couprie et al. 2013) and 40 (Gupta et al. 2013),
 * SUN RGB-D with 37 (Song et al. 2015), Cityscapes with 19 and with 33, its labels 1 to 33 (Cordts et al. 2016).
 */
export const labelNames: Readonly<Record<number, readonly string[]>> = {
  13: "bed,books,ceiling,chair,floor,furniture,objects,picture,sofa,table,tv,wall,window".split(","),
  19: [
    ..."road,sidewalk,building,wall,fence,pole,traffic light,traffic sign,vegetation,terrain,sky".split(","),
    ..."person,rider,car,truck,bus,train,motorcycle,bicycle".split(","),
  ],
  33: [
    ..."ego vehicle,rectification border,out of roi,static,dynamic,ground,road,sidewalk,parking,rail track".split(","),
    ..."building,wall,fence,guard rail,bridge,tunnel,pole,polegroup,traffic light,traffic sign,vegetation".split(","),
    ..."terrain,sky,person,rider,car,truck,bus,caravan,trailer,train,motorcycle,bicycle".split(","),
  ],
  37: NYU_37,
  40: [...NYU_37, "otherstructure", "otherfurniture", "otherprop"],
};
