// Used by input.js: sounds that only the browser can take in, its microphone's among them, as WAV files.

export const RATE = 44_100; // samples per second of what is decoded here
const LONGEST = 600; // seconds; then a recording ends by itself
const READABLE = /\.(wav|flac|og[ga]|mp3)$/i; // sounds that Python reads
const OTHER_SOUNDS = /\.(m4[abv]|aac|mp4|mov|web[am]|mk[av]|opus|wm[av]|3gp|aiff?|amr|caf)$/i;

// Whether a file is a sound, or a film, that only the browser can decode, by its name, its first bytes and what it claims to be.
export async function isForeign(blob, name) {
  if (READABLE.test(name) || !(/^(audio|video)\//.test(blob.type) || OTHER_SOUNDS.test(name))) return false;
  const bytes = new Uint8Array(await blob.slice(0, 12).arrayBuffer());
  const mp3 = bytes[0] === 0xff && (bytes[1] & 0xe6) === 0xe2; // one without tags begins with a frame of layer 3
  return !mp3 && !/^(fLaC|OggS|ID3|RIFF[\s\S]{4}WAVE)/.test(String.fromCharCode(...bytes));
}

// Decode a sound, or the sound of a film. Rejects where the browser can't.
export async function decode(blob) {
  return new OfflineAudioContext(1, 1, RATE).decodeAudioData(await blob.arrayBuffer());
}

// Average the channels of an AudioBuffer.
export function mixed(sound) {
  const mix = new Float32Array(sound.length);
  for (let channel = 0; channel < sound.numberOfChannels; channel += 1) {
    const samples = sound.getChannelData(channel);
    for (let at = 0; at < mix.length; at += 1) mix[at] += samples[at] / sound.numberOfChannels;
  }
  return mix;
}

// Encode samples, -1 to 1, as a WAV file: one channel, 16 bits.
export const HEAD = 44; // bytes
export function wav(samples, rate) {
  const head = new DataView(new ArrayBuffer(HEAD));
  const put = (at, text) => [...text].forEach((one, index) => head.setUint8(at + index, one.charCodeAt(0)));
  const numbers = new DataView(new ArrayBuffer(2 * samples.length));
  samples.forEach((sample, at) => numbers.setInt16(2 * at, Math.round(Math.max(-1, Math.min(1, sample)) * 32_767), true));
  put(0, "RIFF");
  head.setUint32(4, HEAD - 8 + numbers.byteLength, true);
  put(8, "WAVEfmt ");
  head.setUint32(16, 16, true); // bytes of the format
  head.setUint16(20, 1, true); // PCM
  head.setUint16(22, 1, true); // channels
  head.setUint32(24, rate, true);
  head.setUint32(28, 2 * rate, true); // bytes per second
  head.setUint16(32, 2, true); // bytes per sample
  head.setUint16(34, 16, true); // bits per sample
  put(36, "data");
  head.setUint32(40, numbers.byteLength, true);
  return new Blob([head, numbers], { type: "audio/wav" });
}

// Record from the microphone. `tick` is told the seconds so far, `done` gets the sound as the browser encodes it, or nothing.
// Returns what ends it: end(true) keeps the sound. Rejects as getUserMedia does.
export async function record(tick, done) {
  const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false }; // made for speech
  const stream = await navigator.mediaDevices.getUserMedia({ audio: plain });
  const release = () => stream.getTracks().forEach((track) => track.stop());
  try {
    const recorder = new MediaRecorder(stream);
    const parts = [], began = performance.now();
    let kept = true; // also when the microphone is pulled out
    const end = (keep) => {
      kept = keep;
      if (recorder.state !== "inactive") recorder.stop();
    };
    recorder.start();
    const timer = setInterval(() => {
      const seconds = (performance.now() - began) / 1000;
      tick(seconds);
      if (seconds >= LONGEST) end(true);
    }, 100);
    recorder.addEventListener("dataavailable", ({ data }) => parts.push(data));
    recorder.addEventListener("stop", () => {
      clearInterval(timer);
      release();
      done(kept ? new Blob(parts, { type: recorder.mimeType }) : null);
    });
    tick(0);
    return end;
  } catch (error) {
    release();
    throw error;
  }
}
